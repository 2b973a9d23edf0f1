import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Failure } from "./command.ts";
import { parseProject } from "./compose_file.ts";

const parse = (text: string) => parseProject(text, "/home/me/shop/denali.yaml", "denali.yaml");

Deno.test("a project is read from YAML and named after its folder", () => {
  const project = parse(`
disks:
  data: { size: 64M }
vms:
  web: { image: ./web.elf, memory: 16M, publish: ["8000:80"], disks: [data] }
`);
  assertEquals([project.name, project.folder], ["shop", "/home/me/shop"]);
  assertEquals([...project.vms.keys()], ["web"]);
  assertEquals(project.disks.get("data"), { size: "64M" });
});

const WRONG: [string, string, string][] = [
  ["YAML that is none", "vms: [", "expected YAML"],
  ["an unknown key", "vms: {}\nvolumes: {}", "volumes: expected only name, vms, disks"],
  ["no VMs", "name: x", "vms: expected a mapping, got nothing"],
  ["a list of VMs", "vms: [web]", "vms: expected a mapping"],
  ["a VM without an image", "vms: { web: { memory: 16M } }", "vms.web.image"],
  ["a wrong memory", "vms: { web: { image: httpd, memory: lots } }", "vms.web.memory"],
  ["an unknown field", "vms: { web: { image: httpd, ports: [] } }", "vms.web.ports: unknown field"],
  ["a name that is no label", "vms: { Web: { image: httpd } }", "vms.Web: expected a DNS label"],
  ["a name twice", "vms: { web: { image: httpd }, web: { image: httpd } }", "must be unique"],
  ["a tab", "vms:\n\tweb: { image: httpd }", "Tabs are not allowed"],
  ["a name that is a number", "vms: { 7: { image: httpd } }", "vms.7.name: "],
  ["a second name", "vms: { web: { image: httpd, name: www } }", 'it is "web" already'],
  ["an import of no file", "disks: { a: { import: 5 } }\nvms: {}", "disks.a.import: expected the"],
  ["a project name", "name: My Shop\nvms: {}", "name: expected a DNS label"],
];

for (const [what, text, message] of WRONG) {
  Deno.test(`denali.yaml with ${what} is refused by that name`, () => {
    const error = assertThrows(() => parse(text), Failure);
    assertStringIncludes(error.message, message);
    assertStringIncludes(error.message, "denali.yaml: ");
  });
}

Deno.test("aliases that multiply are refused", () => {
  const lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"];
  for (let i = 1; i < 9; i++) {
    lines.push(`a${i}: &a${i} [${Array(10).fill(`*a${i - 1}`).join(",")}]`);
  }
  const error = assertThrows(() => parse(lines.join("\n")), Failure);
  assertStringIncludes(error.message, "expected YAML");
});
