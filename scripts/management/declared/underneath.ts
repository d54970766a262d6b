/** What two declared files of a registry say together; pure. */
import { createHash } from 'node:crypto'
import { readCertificate } from '#core/certificate/certificate.ts'
import type { Merge } from './kind.ts'
import type { Declared } from './read-file.ts'
import type { Present } from './read-present.ts'

const pair = (...parts: string[]): string => JSON.stringify(parts)
const digest = (certificate: string): string => readCertificate(Buffer.from(certificate, 'base64')).sha256

/**
 * The merging for a registry that has this. What only the older file speaks of is taken; of a kind of which
 * the newer speaks, only what the registry still has. A file takes nothing away, so that somebody does it by
 * hand and leaves it out of the next file: that is not missed for ever.
 */
export function underneathAt(present: Present): Merge<Declared> {
  const there = {
    memberClasses: new Set(present.memberClasses.map(({ code }) => code)),
    certificateProfiles: new Set(present.certificateProfiles.map(({ name }) => name)),
    certificationServices: new Set(
      present.certificationServices.flatMap(({ authorities }) =>
        authorities.filter(({ top }) => top).map(({ sha256 }) => sha256),
      ),
    ),
    timestampingServices: new Set(present.timestampingServices.map(({ url, sha256 }) => pair(url, sha256))),
    members: new Set(present.members.map(({ id }) => id)),
    subsystems: new Set(present.subsystems.map(({ id }) => id)),
    securityServers: new Set(present.securityServers.map(({ id }) => id)),
    globalGroups: new Set(present.globalGroups.map(({ code }) => code)),
    automaticApprovals: new Set(
      present.automaticApprovals.map(({ kind, memberClass }) => pair(kind, memberClass)),
    ),
    hostingMandates: new Set(
      present.hostingMandates
        .filter(({ state }) => state === 'inForce')
        .map(({ host, client }) => pair(host, client)),
    ),
    externalAnchors: new Set(
      present.externalAnchors.filter(({ state }) => state === 'TRUSTED').map(({ sha256 }) => sha256),
    ),
  }
  const kinds = new Map(Object.entries(there).map(([kind, keys]) => [keys as ReadonlySet<string>, kind]))
  return (newer, older) => {
    const found: Found = { gone: [], shared: 0 }
    const both = <T>(...of: ListsOf<T>): T[] => listed(found, kinds.get(of[2])!, ...of)
    const merged = {
      ...older,
      ...newer,
      ...policies(newer, older),
      memberClasses: both(newer.memberClasses, older.memberClasses, there.memberClasses, ({ code }) => code),
      certificateProfiles: both(
        ...([newer.certificateProfiles, older.certificateProfiles, there.certificateProfiles] as const),
        ({ name }) => name,
      ),
      certificationServices: both(
        ...([newer.certificationServices, older.certificationServices, there.certificationServices] as const),
        ({ certificate }) => digest(certificate),
      ),
      timestampingServices: both(
        ...([newer.timestampingServices, older.timestampingServices, there.timestampingServices] as const),
        ({ url, certificate }) => pair(url, digest(certificate)),
      ),
      members: both(
        newer.members,
        older.members,
        there.members,
        ({ id }) => id,
        (one, under) => ({
          ...under,
          ...one,
          subsystems: both(
            ...([one.subsystems, under.subsystems, there.subsystems] as const),
            ({ code }) => `${one.id}:${code}`,
            (own, below) => ({ ...below, ...own }),
          ),
        }),
      ),
      securityServers: both(
        ...([newer.securityServers, older.securityServers, there.securityServers] as const),
        ({ id }) => id,
      ),
      globalGroups: both(newer.globalGroups, older.globalGroups, there.globalGroups, ({ code }) => code),
      automaticApprovals: both(
        ...([newer.automaticApprovals, older.automaticApprovals, there.automaticApprovals] as const),
        ({ kind, memberClass }) => pair(kind, memberClass),
      ),
      hostingMandates: both(
        ...([newer.hostingMandates, older.hostingMandates, there.hostingMandates] as const),
        ({ host, client }) => pair(host, client),
      ),
      externalAnchors: both(newer.externalAnchors, older.externalAnchors, there.externalAnchors, (file) =>
        createHash('sha256').update(Buffer.from(file, 'base64')).digest('hex'),
      ),
    }
    return { both: merged, gone: found.gone, isNext: found.shared > 0 }
  }
}

/** Which of the older file are gone and left out, and how many the newer names. */
type Found = { gone: string[]; shared: number }

type ListsOf<T> = [
  newer: T[],
  older: T[],
  there: ReadonlySet<string>,
  keyOf: (one: T) => string,
  together?: (one: T, under: T) => T,
]

/**
 * Those of the newer list, each with what `together` adds to it from below, then those that only the older
 * has.
 */
function listed<T>(
  found: Found,
  kind: string,
  ...[newer, older, there, keyOf, together = (one) => one]: ListsOf<T>
): T[] {
  const below = new Map(older.map((one) => [keyOf(one), one]))
  const named = newer.map((one) => {
    const under = below.get(keyOf(one))
    return under === undefined ? one : together(one, under)
  })
  const known = new Set(newer.map(keyOf))
  const kept = older.filter((one) => !known.has(keyOf(one)))
  const present = newer.length === 0 ? kept : kept.filter((one) => there.has(keyOf(one)))
  found.shared += older.length - kept.length
  const left = new Set(present)
  found.gone.push(...kept.filter((one) => !left.has(one)).map((one) => pair(kind, keyOf(one))))
  return [...named, ...present]
}

/** A file leaves the fields of a policy alone that it does not name. */
function policies(newer: Declared, older: Declared): Partial<Declared> {
  return {
    ...(newer.contractPolicy && { contractPolicy: { ...older.contractPolicy, ...newer.contractPolicy } }),
    ...(newer.suspensionPolicy && {
      suspensionPolicy: { ...older.suspensionPolicy, ...newer.suspensionPolicy },
    }),
  }
}
