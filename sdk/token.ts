/** The session token, asked for when it is first needed and again when an edge no longer takes it. */
export class TokenSource {
  readonly #getToken: () => string | Promise<string>
  readonly canRefresh: boolean
  #token: string | undefined

  constructor(source: string | (() => string | Promise<string>)) {
    this.canRefresh = typeof source !== 'string'
    this.#getToken = typeof source === 'string' ? () => source : source
  }

  async get(): Promise<string> {
    this.#token ??= await this.#getToken()
    return this.#token
  }

  /** Does nothing where another request has brought a newer one meanwhile. */
  forget(token: string): void {
    if (this.#token === token) this.#token = undefined
  }
}
