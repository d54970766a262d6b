/** Splits an SD-JWT with key binding (RFC 9901 section 4) at its tildes. */
import { type Jws, readJws } from '../jws.ts'
import { need } from '../refused.ts'

type SdJwt = {
  issued: Jws
  disclosures: string[]
  /** What the holder's digest is over: all up to the last tilde, with it. */
  bound: string
  keyBinding: string
}

/** No credential that is presented piece by piece comes near it. */
const MAX_DISCLOSURES = 500

/**
 * Refuses with `presentation_malformed`, `disclosures_too_many` or, where the last part is empty,
 * `key_binding_missing`.
 */
export function splitSdJwt(text: string): SdJwt {
  const parts = text.split('~', MAX_DISCLOSURES + 3)
  need(parts.length < MAX_DISCLOSURES + 3, 'disclosures_too_many')
  need(parts.length >= 2, 'presentation_malformed', 'no tilde')
  const [issued, ...disclosures] = parts as [string, ...string[]]
  const keyBinding = disclosures.pop()!
  need(keyBinding !== '', 'key_binding_missing')
  const bound = text.slice(0, text.lastIndexOf('~') + 1)
  return { issued: readJws(issued, 'presentation_malformed'), disclosures, bound, keyBinding }
}
