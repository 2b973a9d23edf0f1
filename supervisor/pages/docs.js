// The script of the page at /docs, in the browser: /openapi.json as one can read it.
"use strict";

const make = (tag, text, parent, name) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (name) node.className = name;
  parent?.append(node);
  return node;
};
const typeOf = (schema) => {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.oneOf || schema.anyOf) return (schema.oneOf || schema.anyOf).map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return "array of " + typeOf(schema.items);
  return [schema.type].flat().join(" or ");
};
const fields = (schema, parent) => {
  const table = make("table", undefined, parent);
  for (const [name, field] of Object.entries(schema.properties || {})) {
    const row = table.insertRow();
    make("code", name + ((schema.required || []).includes(name) ? "" : "?"), row.insertCell());
    make("code", typeOf(field), row.insertCell());
    row.insertCell().textContent = field.description || "";
  }
};
const content = (title, entries, parent) => {
  for (const [type, { schema }] of Object.entries(entries || {})) {
    make("p", title + type + (schema ? ": " + typeOf(schema) : ""), parent);
    if (schema && schema.properties) fields(schema, parent);
  }
};
function show(api) {
  document.getElementById("version").textContent = api.info.version;
  document.getElementById("about").textContent = api.info.description;
  const routes = document.getElementById("routes");
  routes.replaceChildren();
  const tags = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, route] of Object.entries(methods)) {
      const tag = (route.tags || ["other"])[0];
      if (!tags.has(tag)) {
        const section = make("section", undefined, routes);
        make("h2", tag, section);
        tags.set(tag, section);
      }
      const box = make("details", undefined, tags.get(tag));
      box.dataset.text = (method + " " + path + " " + route.summary).toLowerCase();
      const head = make("summary", undefined, box);
      make("span", method.toUpperCase(), head, "method " + method);
      make("code", path, head);
      make("small", route.summary, head);
      make("p", route.description || "", box);
      if (route.parameters?.length) {
        const properties = {}, required = [];
        for (const each of route.parameters) {
          properties[each.name] = { description: each.description, ...each.schema };
          if (each.required) required.push(each.name);
        }
        fields({ properties, required }, box);
      }
      content("Body: ", route.requestBody?.content, box);
      for (const [status, answer] of Object.entries(route.responses)) {
        make("p", status + " " + (answer.description || ""), box);
        content("", answer.content, box);
      }
    }
  }
  for (const [name, schema] of Object.entries(api.components?.schemas || {})) {
    const box = make("details", undefined, document.getElementById("shapes"));
    make("code", name, make("summary", undefined, box));
    fields(schema, box);
  }
}
document.getElementById("find").oninput = ({ target }) => {
  const text = target.value.toLowerCase();
  for (const box of document.querySelectorAll("#routes details")) {
    box.hidden = !box.dataset.text.includes(text);
  }
};
fetch("/openapi.json").then((answer) => answer.json()).then(show);
