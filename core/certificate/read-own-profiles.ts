/** Reads the certificate profiles that an instance has beside X-Road's: few, each once, none by the name of a built-in one. */
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import { Fault } from '#schemas/fault.ts'
import { builtInProfile } from './built-in-profiles.ts'
import { readProfile } from './read-profile.ts'

export const MOST_PROFILES = 20

/** Throws `invalid_input`. */
export function readOwnProfiles(given: unknown): CertificateProfile[] {
  if (!Array.isArray(given) || given.length > MOST_PROFILES)
    throw new Fault('invalid_input', { what: `certificate profiles are a list of at most ${MOST_PROFILES}` })
  const profiles = given.map(readOwnProfile)
  if (new Set(profiles.map(({ name }) => name)).size < profiles.length)
    throw new Fault('invalid_input', { what: 'two certificate profiles have the same name' })
  return profiles
}

/** What X-Road's classes say is the same everywhere, also for those who verify evidence offline. */
export function readOwnProfile(given: unknown): CertificateProfile {
  const profile = readProfile(given)
  if (builtInProfile(profile.name) !== undefined)
    throw new Fault('invalid_input', { what: "profile.name is that of one of X-Road's classes" })
  return profile
}
