// Shows the schema by Swagger UI.
"use strict";

const page = document.getElementById("api-docs");

SwaggerUIBundle({
  url: page.dataset.schema,
  dom_id: "#api-docs",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  // Who is logged in at the console may try things out.
  requestInterceptor: (request) => {
    request.headers["X-CSRFToken"] = page.dataset.csrfToken;
    return request;
  },
});
