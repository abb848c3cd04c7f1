/** Access tokens of a Google service account: a signed JWT for a token that is used until it is nearly over. */
import { sign } from 'node:crypto'
import { fieldsOf } from './json.ts'
import { ProviderUnavailable, unavailable } from './unavailable.ts'

/** The part of Google's key file that is used. */
export interface ServiceAccount {
  readonly projectId: string
  readonly clientEmail: string
  readonly privateKey: string
  readonly privateKeyId: string
  readonly tokenUrl: string
}

const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'
/** The longest that Google allows. */
const ASSERTION_LIFE_S = 3600
/** A token is renewed this much before its end, so that none ends on the way. */
const RENEW_BEFORE_MS = 60_000
const EXCHANGE_TIMEOUT_MS = 10_000

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

export function signAssertion(account: ServiceAccount, nowMs: number): string {
  const issuedAt = Math.floor(nowMs / 1000)
  const header = base64url({ alg: 'RS256', typ: 'JWT', kid: account.privateKeyId })
  const claims = base64url({
    iss: account.clientEmail,
    scope: SCOPE,
    aud: account.tokenUrl,
    iat: issuedAt,
    exp: issuedAt + ASSERTION_LIFE_S,
  })
  const signed = `${header}.${claims}`
  return `${signed}.${sign('sha256', Buffer.from(signed), account.privateKey).toString('base64url')}`
}

interface Token {
  readonly value: string
  readonly renewAtMs: number
}

export class GoogleTokens {
  readonly #account: ServiceAccount
  readonly #nowMs: () => number
  /** Shared by all who ask meanwhile. */
  #token: Promise<Token> | undefined

  constructor(account: ServiceAccount, nowMs: () => number = Date.now) {
    this.#account = account
    this.#nowMs = nowMs
  }

  async get(signal: AbortSignal): Promise<string> {
    this.#token ??= this.#start()
    const asked = this.#token
    const { value, renewAtMs } = await untilAborted(asked, signal)
    if (renewAtMs > this.#nowMs()) return value
    this.#drop(asked)
    return await this.get(signal)
  }

  /** After Google has refused a token: the next caller asks for another. */
  forget(): void {
    this.#token = undefined
  }

  #start(): Promise<Token> {
    const asked = this.#exchange()
    // A failure is not kept: the next message tries again.
    asked.catch(() => this.#drop(asked))
    return asked
  }

  #drop(asked: Promise<Token>): void {
    if (this.#token === asked) this.#token = undefined
  }

  /** With a limit of its own: it goes on for the others when the first who asked gives up. */
  async #exchange(): Promise<Token> {
    const { tokenUrl } = this.#account
    const askedAtMs = this.#nowMs()
    const limit = AbortSignal.timeout(EXCHANGE_TIMEOUT_MS)
    let status: number
    let body: Readonly<Record<string, unknown>>
    try {
      const response = await fetch(tokenUrl, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
          assertion: signAssertion(this.#account, askedAtMs),
        }),
        redirect: 'error',
        signal: limit,
      })
      status = response.status
      body = fieldsOf(await response.json())
    } catch (error) {
      throw unavailable('fcm', error, limit)
    }
    const { access_token: value, expires_in: lifeS } = body
    if (status !== 200 || typeof value !== 'string' || typeof lifeS !== 'number')
      throw new ProviderUnavailable('fcm', `token_${status}`)
    return { value, renewAtMs: askedAtMs + Math.max(lifeS * 1000 - RENEW_BEFORE_MS, 1000) }
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(unavailable('fcm', signal.reason, signal))
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(unavailable('fcm', signal.reason, signal))
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
