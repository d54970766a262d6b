/**
 * Name constraints (RFC 5280 4.2.1.10, 6.1.3 b, c and 6.1.4 g): a certificate's names must lie inside every
 * permitted set of their kind and outside every excluded subtree. A name that cannot be judged is refused.
 */
import { OID } from '#core/asn1/oids.ts'
import { type Said, say } from '#schemas/said.ts'
import type { GeneralName, GeneralNameKind } from './general-name.ts'
import { attributes } from './name.ts'
import { placeOf } from './name-subtree.ts'
import type { Certificate } from './parse-certificate.ts'

/**
 * The constraints collected from the anchor down: one set of permitted subtrees per certificate, and all
 * excluded subtrees.
 */
export type ConstraintState = { permitted: GeneralName[][]; excluded: GeneralName[] }

/** The state below a certificate that may carry constraints of its own. */
export function constrain(state: ConstraintState, certificate: Certificate): ConstraintState {
  const own = certificate.extensions.nameConstraints
  if (own === undefined) return state
  return {
    permitted: [...state.permitted, own.permitted],
    excluded: [...state.excluded, ...own.excluded],
  }
}

/** Why the names of a certificate break the constraints, or undefined. */
export function nameObjection(certificate: Certificate, state: ConstraintState): Said | undefined {
  if (state.permitted.length === 0 && state.excluded.length === 0) return undefined
  const refused = namesOf(certificate).find((name) => !isAllowed(name, state))
  return refused && say`a name (${refused.kind}) outside the name constraints of an authority`
}

/**
 * All names of a certificate: subject, e-mail addresses in the subject (old certificates have them there) and
 * alternative names.
 */
function namesOf({ subject, extensions }: Certificate): GeneralName[] {
  const names: GeneralName[] = [...(extensions.subjectAltNames ?? [])]
  if (subject.rdns.length > 0) names.push({ kind: 'directoryName', name: subject })
  for (const text of attributes(subject, OID.emailAddress)) names.push({ kind: 'rfc822Name', text })
  return names
}

function isAllowed(name: GeneralName, { permitted, excluded }: ConstraintState): boolean {
  const permits = (subtrees: GeneralName[]): boolean =>
    subtrees.length === 0 || subtrees.some((subtree) => placeOf(name, subtree) === 'inside')
  return (
    permitted.every((subtrees) => permits(ofKind(subtrees, name.kind))) &&
    ofKind(excluded, name.kind).every((subtree) => placeOf(name, subtree) === 'outside')
  )
}

function ofKind(subtrees: GeneralName[], kind: GeneralNameKind): GeneralName[] {
  return subtrees.filter((subtree) => subtree.kind === kind)
}
