// The API as openapi.json describes it, written out. Everything is set as text.
const made = (kind, text) => Object.assign(document.createElement(kind), { textContent: text });
const place = document.getElementById("paths");
const described = await (await fetch("openapi.json")).json();
document.getElementById("example").textContent = described.paths["/api/detect"]
  ? `curl --data-binary @photo.jpg ${new URL("api/detect", location.href)}` : "";

function fields(schema) {
  const list = document.createElement("ul");
  for (const [name, one] of Object.entries(schema.properties ?? {})) {
    const item = document.createElement("li");
    item.append(made("code", name), ` ${one.description ?? one.type ?? ""}`);
    if (one.items?.$ref) item.append(fields(resolved(one.items)));
    list.append(item);
  }
  return list;
}
const resolved = (schema) =>
  schema?.$ref ? described.components.schemas[schema.$ref.split("/").pop()] : (schema ?? {});

const shown = new Set(); // a schema's fields are written out once
for (const [path, methods] of Object.entries(described.paths)) {
  for (const [method, one] of Object.entries(methods)) {
    place.append(made("h2", `${method.toUpperCase()} ${path}`), made("p", one.summary), made("p", one.description ?? ""));
    for (const [status, answer] of Object.entries(one.responses)) {
      place.append(made("h3", `${status} ${answer.description}`));
      const schema = answer.content?.["application/json"]?.schema;
      if (!shown.has(schema?.$ref)) place.append(fields(resolved(schema)));
      shown.add(schema?.$ref);
    }
  }
}
