/** What passes over HTTP in the sandbox: requests as they came, replies, and posts of its own. */

export interface SandboxRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: Buffer
}

export interface SandboxReply {
  readonly status: number
  /** An object goes as JSON. */
  readonly body: string | object
  readonly headers?: Readonly<Record<string, string>>
}

/** What the sandbox posts to a customer's webhook. */
export interface WebhookPost {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type Fields = Readonly<Record<string, unknown>>

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}

export function itemsOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : []
}

/** Empty for what is no JSON object. */
export function jsonOf({ body }: SandboxRequest): Fields {
  try {
    return fieldsOf(JSON.parse(body.toString('utf8')))
  } catch {
    return {}
  }
}

export function headerOf({ headers }: SandboxRequest, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}
