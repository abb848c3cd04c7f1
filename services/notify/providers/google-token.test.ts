import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { GoogleTokens } from './google-token.ts'

const LIFE_S = 3600
const never = new AbortController().signal

/** Gives numbered tokens; holds back and fails as it is told. */
let asked = 0
let status = 200
let held: Promise<void> = Promise.resolve()
const google = createServer((_request, response) => {
  asked += 1
  const token = `token-${asked}`
  held.then(() => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(
      JSON.stringify(status === 200 ? { access_token: token, expires_in: LIFE_S } : { error: 'no' }),
    )
  })
})

let nowMs = 0
let tokens: GoogleTokens
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
beforeAll(() => new Promise<void>((resolve) => google.listen(0, '127.0.0.1', resolve)))
beforeEach(() => {
  asked = 0
  status = 200
  held = Promise.resolve()
  nowMs = Date.now()
  tokens = new GoogleTokens(
    {
      projectId: 'p',
      clientEmail: 'a@p.example',
      privateKey: String(privateKey.export({ format: 'pem', type: 'pkcs8' })),
      privateKeyId: 'k',
      tokenUrl: `http://127.0.0.1:${(google.address() as AddressInfo).port}/token`,
    },
    () => nowMs,
  )
})
afterAll(() => {
  google.close()
  google.closeAllConnections()
})

test('one token serves all who ask, until a minute before its end', async () => {
  expect(await Promise.all([tokens.get(never), tokens.get(never)])).toEqual(['token-1', 'token-1'])
  nowMs += (LIFE_S - 61) * 1000
  expect(await tokens.get(never)).toBe('token-1')
  nowMs += 2000
  expect(await Promise.all([tokens.get(never), tokens.get(never)])).toEqual(['token-2', 'token-2'])
  expect(asked).toBe(2)
})

test('a token that Google refused is asked for anew', async () => {
  await tokens.get(never)
  tokens.forget()
  expect(await tokens.get(never)).toBe('token-2')
})

test('a failure is not kept', async () => {
  status = 500
  await expect(tokens.get(never)).rejects.toMatchObject({ name: 'ProviderUnavailable', code: 'token_500' })
  status = 200
  expect(await tokens.get(never)).toBe('token-2')
})

test('who gives up does not end it for the others', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  held = promise
  const impatient = new AbortController()
  const first = tokens.get(impatient.signal)
  const second = tokens.get(never)
  impatient.abort()
  await expect(first).rejects.toMatchObject({ name: 'ProviderUnavailable', code: 'timeout' })
  resolve()
  expect(await second).toBe('token-1')
  expect(asked).toBe(1)
})
