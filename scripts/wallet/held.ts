/** What the wallet holds and whom it is for. */
import type { KeyObject } from 'node:crypto'
import type { Asked } from '#core/presentation/asked.ts'
import type { CredentialQuery, Query } from '#core/presentation/dcql/query.ts'
import { typesOf } from '#core/presentation/dcql/query.ts'

/** Who issues: certificates without the root, and the key of the first. */
export type Issuer = { chain: Buffer[]; key: KeyObject }

export type Held = {
  format: CredentialQuery['format']
  type: string
  /** The paths of what it can show. */
  paths: string[][]
  /** A presentation of these paths for the request. */
  present(q: { asked: Asked; id: string; paths: string[][] }): string
}

/**
 * For each query that is to be answered, a credential that has all of it; undefined if the wallet cannot
 * answer.
 */
export function chooseCredentials(
  query: Query,
  held: Held[],
): { query: CredentialQuery; held: Held }[] | undefined {
  const answers = new Map(
    query.credentials.flatMap((one) => {
      const fits = held.find((credential) => canAnswer(one, credential))
      return fits === undefined ? [] : [[one.id, { query: one, held: fits }] as const]
    }),
  )
  const sets = query.credential_sets ?? [{ options: [query.credentials.map(({ id }) => id)] }]
  const chosen = sets.map(({ options }) => options.find((option) => option.every((id) => answers.has(id))))
  if (chosen.includes(undefined)) return undefined
  return [...new Set(chosen.flatMap((option) => option ?? []))].map((id) => answers.get(id)!)
}

export const pathsOf = ({ claims = [] }: CredentialQuery): string[][] =>
  claims.map(({ path }) => path.map(String))

function canAnswer(query: CredentialQuery, { format, type, paths }: Held): boolean {
  const has = (path: string[]): boolean => paths.some((one) => JSON.stringify(one) === JSON.stringify(path))
  return query.format === format && typesOf(query).includes(type) && pathsOf(query).every(has)
}
