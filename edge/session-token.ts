/**
 * What opens doors: session tokens, tickets and share links. Only hashes are
 * ever stored, so who reads the store cannot enter.
 */
import { createHash, randomBytes } from 'node:crypto'
import { isId } from './limits.ts'

/** 256 bits: 43 characters in base64url. */
const SECRET_BYTES = 32
const SECRET_PATTERN = /^[A-Za-z0-9_-]{43}$/

export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url')
}

export function isSecret(text: string): boolean {
  return SECRET_PATTERN.test(text)
}

/** Base64url of SHA-256. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** The user is part of the token so that one Redis key holds all of a person's sessions. */
export function newToken(userId: string): string {
  return `${Buffer.from(userId).toString('base64url')}.${newSecret()}`
}

export interface ParsedToken {
  readonly userId: string
  readonly hash: string
}

/** Undefined for anything that was never a token; says nothing about whether the session runs. */
export function parseToken(token: string): ParsedToken | undefined {
  const dot = token.indexOf('.')
  if (dot < 1 || dot > 100) return undefined
  const encoded = token.slice(0, dot)
  if (!isSecret(token.slice(dot + 1))) return undefined
  const userId = Buffer.from(encoded, 'base64url').toString('utf8')
  // The second test: only one spelling of a user is a token, so that no two hashes name one session.
  if (!isId(userId) || Buffer.from(userId).toString('base64url') !== encoded) return undefined
  return { userId, hash: hashOf(token) }
}
