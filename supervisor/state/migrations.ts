/**
 * The shape of the database, as steps from an empty one. A step that was released is never changed:
 * what comes later is another step. `PRAGMA user_version` counts those that were taken.
 */

export const MIGRATIONS: readonly string[] = [
  `
  -- What is asked of a VM, and how it last was. JSON in spec, limits and labels.
  CREATE TABLE vms (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image_name TEXT NOT NULL,
    image_hash TEXT NOT NULL,
    spec TEXT NOT NULL,
    limits TEXT NOT NULL,
    labels TEXT NOT NULL,
    restart TEXT NOT NULL,
    created TEXT NOT NULL,
    -- 1: an operator wants it to run, 0: he has stopped it or never started it.
    wanted INTEGER NOT NULL,
    state TEXT NOT NULL,
    exit_code INTEGER,
    reason TEXT,
    crash TEXT,
    restarts INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE ports (
    hostname TEXT NOT NULL,
    host INTEGER NOT NULL,
    vm INTEGER NOT NULL,
    guest INTEGER NOT NULL,
    PRIMARY KEY (hostname, host)
  ) STRICT;
  CREATE TABLE images (name TEXT PRIMARY KEY, hash TEXT NOT NULL, bytes INTEGER NOT NULL) STRICT;
  CREATE TABLE disks (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
  CREATE TABLE tokens (
    name TEXT PRIMARY KEY,
    -- SHA-256 of the token, hexadecimal.
    hash TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    labels TEXT,
    created TEXT NOT NULL
  ) STRICT;
  CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    type TEXT NOT NULL,
    vm INTEGER,
    message TEXT
  ) STRICT;
  CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    caller TEXT NOT NULL,
    remote TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    -- Null while it is not known how it went.
    status INTEGER,
    subject TEXT
  ) STRICT;
  -- Counters that must never go back.
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  `,
  `
  -- A VM's words and variables got the names that every other interface gives them.
  UPDATE vms SET spec = json_remove(
    json_set(spec, '$.args', json(spec -> '$.arguments'), '$.env', json(spec -> '$.settings')),
    '$.arguments', '$.settings'
  );
  `,
  `
  -- A port of the host is one of TCP or one of UDP; what was there is TCP.
  CREATE TABLE new_ports (
    hostname TEXT NOT NULL,
    host INTEGER NOT NULL,
    protocol TEXT NOT NULL,
    vm INTEGER NOT NULL,
    guest INTEGER NOT NULL,
    PRIMARY KEY (hostname, host, protocol)
  ) STRICT;
  INSERT INTO new_ports (hostname, host, protocol, vm, guest)
    SELECT hostname, host, 'tcp', vm, guest FROM ports ORDER BY rowid;
  DROP TABLE ports;
  ALTER TABLE new_ports RENAME TO ports;
  `,
];
