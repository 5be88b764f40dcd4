from processes.bus.handlers import CommandMessage, command_handler


@command_handler("NoopOne", domain="benchmark")
@command_handler("NoopTwo", domain="benchmark")
@command_handler("NoopThree", domain="benchmark")
def do_nothing(message: CommandMessage) -> None:
    """Returns at once."""
