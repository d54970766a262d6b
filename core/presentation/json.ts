/** JSON and base64url of tokens, strictly: two readers must not read them differently. */
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { RefusalReason } from '#schemas/presentation.ts'
import { need, orRefuse } from './refused.ts'

export type JsonObject = Record<string, unknown>

const MAX_DEPTH = 32

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

/**
 * The bytes of a base64url text in its one form: no padding, no other characters, no stray bits (RFC 4648
 * section 3.5).
 */
export function readBase64url(text: string, reason: RefusalReason): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  need(bytes.toString('base64url') === text, reason, 'base64url')
  return bytes
}

type Limits = { maxLength?: number; maxDepth?: number }

/**
 * The value of a JSON text: no name twice, no lone surrogate, at most 32 levels unless `limits` say
 * otherwise.
 */
export function readJson(text: string | Buffer, reason: RefusalReason, limits: Limits = {}): unknown {
  return orRefuse(reason, () => parseStrictJson(text, { maxDepth: MAX_DEPTH, ...limits }))
}

/** As `readJson`, for an object. */
export function readJsonObject(
  text: string | Buffer,
  reason: RefusalReason,
  limits: Limits = {},
): JsonObject {
  const value = readJson(text, reason, limits)
  need(isObject(value), reason, 'not an object')
  return value
}
