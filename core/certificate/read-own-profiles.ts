/**
 * Reads the certificate profiles that an instance defines in addition to X-Road's: at most 20, with distinct
 * names, none with the name of a built-in profile.
 */
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import { Fault } from '#schemas/fault.ts'
import { builtInProfile } from './built-in-profiles.ts'
import { readProfile } from './read-profile.ts'

export const MOST_PROFILES = 20

/** Throws `invalid_input`; `given` is a list of profiles as parsed JSON. */
export function readOwnProfiles(given: unknown): CertificateProfile[] {
  if (!Array.isArray(given) || given.length > MOST_PROFILES)
    throw new Fault('invalid_input', { what: `certificate profiles are a list of at most ${MOST_PROFILES}` })
  const profiles = given.map(readOwnProfile)
  if (new Set(profiles.map(({ name }) => name)).size < profiles.length)
    throw new Fault('invalid_input', { what: 'two certificate profiles have the same name' })
  return profiles
}

/**
 * Reads one profile. Throws `invalid_input`, also for the name of one of X-Road's classes: a built-in profile
 * must mean the same everywhere, also for people who verify evidence offline.
 */
export function readOwnProfile(given: unknown): CertificateProfile {
  const profile = readProfile(given)
  if (builtInProfile(profile.name) !== undefined)
    throw new Fault('invalid_input', { what: "profile.name is that of one of X-Road's classes" })
  return profile
}
