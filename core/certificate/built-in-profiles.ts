/** The profiles of X-Road's certificateprofile.impl classes. All our programs have them built in. */
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import basic from '#schemas/certificate-profiles/basic.json' with { type: 'json' }
import basicAcme from '#schemas/certificate-profiles/basic-acme.json' with { type: 'json' }
import ejbca from '#schemas/certificate-profiles/ejbca.json' with { type: 'json' }
import fiVrk from '#schemas/certificate-profiles/fi-vrk.json' with { type: 'json' }
import fo from '#schemas/certificate-profiles/fo.json' with { type: 'json' }
import is from '#schemas/certificate-profiles/is.json' with { type: 'json' }
import skEsteId from '#schemas/certificate-profiles/sk-este-id.json' with { type: 'json' }
import skKlass3 from '#schemas/certificate-profiles/sk-klass3.json' with { type: 'json' }
import { readProfile } from './read-profile.ts'

const BUILT_IN: ReadonlyMap<string, CertificateProfile> = new Map(
  [basic, basicAcme, ejbca, fiVrk, fo, is, skKlass3, skEsteId].map((one) => [one.name, readProfile(one)]),
)

/**
 * `profile` is X-Road's class name, with or without its package. Undefined if no built-in profile has this
 * name.
 */
export function builtInProfile(profile: string): CertificateProfile | undefined {
  return BUILT_IN.get(simpleName(profile))
}

/** All built-in profiles, for a list from which people choose. */
export function builtInProfiles(): CertificateProfile[] {
  return [...BUILT_IN.values()]
}

function simpleName(profile: string): string {
  return profile.trim().split('.').at(-1) ?? ''
}
