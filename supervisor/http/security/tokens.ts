/**
 * The tokens of a server: 256 random bits each, of which only the SHA-256 is kept. That many bits need
 * no slow hash: they cannot be guessed, and a stolen hash is worth nothing.
 */

import type { Caller, Labels, Role } from "./access.ts";
import { RequestError } from "../../request_error.ts";
import type { StateStore } from "../../state/store.ts";

export interface TokenSummary {
  readonly name: string;
  readonly role: Role;
  readonly labels?: Labels;
  /** ISO 8601. */
  readonly created: string;
}

/** So that people and scanners of secrets know one when they see it. */
const PREFIX = "denali_";
const SECRET_BYTES = 32, SECRET_MINIMUM = 16;

export class Tokens {
  readonly #state: StateStore;
  readonly #byHash = new Map<string, TokenSummary>();
  /** Hashes by name. */
  readonly #names = new Map<string, string>();

  private constructor(state: StateStore) {
    this.#state = state;
  }

  static async open(state: StateStore): Promise<Tokens> {
    const tokens = new Tokens(state);
    for (const { name, hash, role, labels, created } of await state.read("tokens")) {
      tokens.#add(hash as string, {
        name: name as string,
        role: role as Role,
        labels: labels === null ? undefined : JSON.parse(labels as string),
        created: created as string,
      });
    }
    return tokens;
  }

  get size(): number {
    return this.#byHash.size;
  }

  list(): TokenSummary[] {
    return [...this.#byHash.values()].sort((a, b) => a.name < b.name ? -1 : 1);
  }

  async find(secret: string): Promise<Caller | undefined> {
    return this.#byHash.get(await sha256(secret));
  }

  /** Makes a token; the secret is told here and never again. */
  async create(name: string, role: Role, labels?: Labels): Promise<string> {
    if (this.#names.has(name)) {
      const got = `${JSON.stringify(name)} is the name of another token`;
      throw new RequestError("name", got, "a name that is not in use", 409);
    }
    if (this.size === 0 && (role !== "admin" || labels !== undefined)) {
      const got = `got ${role}${labels ? " with labels" : ""}`;
      const expected = "an admin without labels first: from then on every request needs a token";
      throw new RequestError("role", got, expected, 409);
    }
    const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
    const secret = PREFIX + bytes.toBase64({ alphabet: "base64url", omitPadding: true });
    const hash = await sha256(secret);
    const created = new Date().toISOString();
    this.#add(hash, { name, role, labels, created });
    try {
      const text = labels === undefined ? null : JSON.stringify(labels);
      await this.#state.write(["token.put", name, hash, role, text, created]);
    } catch (error) {
      this.#forget(name);
      throw error;
    }
    return secret;
  }

  /** An admin's token that somebody else keeps: it is known as long as this process lives. */
  async admit(name: string, secret: string): Promise<void> {
    if (secret.length < SECRET_MINIMUM) {
      const got = `got ${secret.length} characters`;
      throw new RequestError("token", got, `at least ${SECRET_MINIMUM} characters`);
    }
    this.#add(await sha256(secret), { name, role: "admin", created: new Date().toISOString() });
  }

  async remove(name: string): Promise<void> {
    const hash = this.#names.get(name);
    if (hash === undefined) {
      throw new RequestError(
        "name",
        `no token ${JSON.stringify(name)}`,
        "the name of a token",
        404,
      );
    }
    const rest = this.list().filter((token) => token.name !== name);
    if (rest.length > 0 && !rest.some(({ role, labels }) => role === "admin" && !labels)) {
      const got = "nobody could make tokens any more";
      throw new RequestError("name", got, "another admin without labels first", 409);
    }
    await this.#state.write(["token.delete", name]);
    this.#forget(name);
  }

  #add(hash: string, token: TokenSummary): void {
    this.#byHash.set(hash, token);
    this.#names.set(token.name, hash);
  }

  #forget(name: string): void {
    this.#byHash.delete(this.#names.get(name)!);
    this.#names.delete(name);
  }
}

async function sha256(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
