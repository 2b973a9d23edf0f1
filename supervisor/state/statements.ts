/** All that is ever asked of the database, by name: nothing else goes to it, and values never as SQL. */

export const WRITES = {
  "vm.put":
    `INSERT OR REPLACE INTO vms (id, name, image_name, image_hash, spec, limits, labels, restart,
    created, wanted, state, exit_code, reason, crash, restarts)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  "vm.state":
    `UPDATE vms SET wanted = ?, state = ?, exit_code = ?, reason = ?, crash = ?, restarts = ?
    WHERE id = ?`,
  "vm.change": "UPDATE vms SET limits = ?, labels = ?, restart = ? WHERE id = ?",
  "vm.spec": "UPDATE vms SET spec = ? WHERE id = ?",
  "vm.delete": "DELETE FROM vms WHERE id = ?",
  "port.put":
    "INSERT OR REPLACE INTO ports (hostname, host, protocol, vm, guest) VALUES (?, ?, ?, ?, ?)",
  "port.delete": "DELETE FROM ports WHERE hostname = ? AND host = ? AND protocol = ?",
  "port.forget": "DELETE FROM ports WHERE vm = ?",
  "image.put": "INSERT OR REPLACE INTO images (name, hash, bytes) VALUES (?, ?, ?)",
  "image.delete": "DELETE FROM images WHERE name = ?",
  "disk.put": "INSERT OR REPLACE INTO disks (name, record) VALUES (?, ?)",
  "disk.delete": "DELETE FROM disks WHERE name = ?",
  "token.put": "INSERT INTO tokens (name, hash, role, labels, created) VALUES (?, ?, ?, ?, ?)",
  "token.delete": "DELETE FROM tokens WHERE name = ?",
  "event.add": "INSERT OR REPLACE INTO events (id, time, type, vm, message) VALUES (?, ?, ?, ?, ?)",
  "event.trim": "DELETE FROM events WHERE id <= ?",
  "audit.add":
    "INSERT INTO audit (id, time, caller, remote, method, path) VALUES (?, ?, ?, ?, ?, ?)",
  "audit.end": "UPDATE audit SET status = ?, subject = ? WHERE id = ?",
  "audit.trim": "DELETE FROM audit WHERE id <= ?",
  "counter.raise": `INSERT INTO counters (name, value) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)`,
} as const;

export const READS = {
  "vms": "SELECT * FROM vms ORDER BY id",
  "ports": "SELECT * FROM ports ORDER BY vm, rowid",
  "images": "SELECT * FROM images ORDER BY name",
  "disks": "SELECT record FROM disks ORDER BY name",
  "tokens": "SELECT * FROM tokens ORDER BY name",
  "counters": "SELECT * FROM counters",
  "events": "SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?",
  "events.last": "SELECT coalesce(max(id), 0) AS id FROM events",
  "audit": "SELECT * FROM audit WHERE id > ? ORDER BY id LIMIT ?",
  "audit.last": "SELECT coalesce(max(id), 0) AS id FROM audit",
} as const;

export type WriteName = keyof typeof WRITES;
export type ReadName = keyof typeof READS;
export type Value = string | number | null;
export type Write = readonly [WriteName, ...Value[]];
export type Row = Readonly<Record<string, Value>>;
