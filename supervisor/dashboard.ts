/** The page at `/`: the VMs, live, with links to their own web servers. Loads nothing from elsewhere. */
export const DASHBOARD = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Denali</title>
<style>
  body { font: 15px system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884 }
  .running { color: #18794e } .crashed { color: #cd2b31 } .paused, .created { color: #ad5700 }
</style>
<h1>Denali</h1>
<p id="summary">loading ...</p>
<table>
  <thead><tr><th>id<th>name<th>image<th>state<th>address<th>cell<th></tr></thead>
  <tbody id="vms"></tbody>
</table>
<p><a href="/v1/system">system</a> <a href="/v1/images">images</a> <a href="/v1/events">events</a>
  <a href="/docs">the endpoint</a></p>
<script>
  const cell = (row, text, href) => {
    const td = row.insertCell();
    const node = href ? td.appendChild(document.createElement("a")) : td;
    node.textContent = text;
    if (href) node.href = href;
    return td;
  };
  const ask = async (path) => {
    const token = sessionStorage.getItem("token");
    const answer = await fetch(path, token ? { headers: { authorization: "Bearer " + token } } : {});
    if (answer.status !== 401) return answer;
    const given = prompt("The token of this server");
    if (!given) throw new Error("no token");
    sessionStorage.setItem("token", given);
    return ask(path);
  };
  async function refresh() {
    const vms = await (await ask("/v1/vms")).json();
    const rows = vms.slice(0, 1000).map((vm) => {
      const row = document.createElement("tr");
      cell(row, vm.id, "/v1/vms/" + vm.id);
      cell(row, vm.name, location.protocol + "//" + vm.name + ".localhost:" + location.port + "/");
      cell(row, vm.image);
      cell(row, vm.state + (vm.exitCode === undefined ? "" : " " + vm.exitCode)).className = vm.state;
      cell(row, vm.address);
      cell(row, vm.cell);
      cell(row, "console", "/v1/vms/" + vm.id + "/console");
      return row;
    });
    document.getElementById("vms").replaceChildren(...rows);
    document.getElementById("summary").textContent = vms.length + " virtual machines";
  }
  refresh();
  setInterval(refresh, 2000);
</script>
`;
