/**
 * The digest of a list of trusted issuers, as the registry's transparency log names the list
 * (`TRUSTED_ISSUERS_PART`).
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'

/** SHA-512 of the RFC 8785 form, base64. */
export function digestOfIssuers(list: readonly unknown[]): string {
  return createHash('sha512').update(canonicalJson(list)).digest('base64')
}
