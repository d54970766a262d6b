/**
 * Texts about a backup of a security server for people: who signed it, who could log in after a restore, and
 * which keys come back.
 */
import type { BackPerson } from './comes-back.ts'
import type { SignerVerdict } from './judge-signer.ts'
import type { BackupKey, KeysBack } from './keys-back.ts'

/** What was proved about the signer and what was not, one item a line. */
export function signerInWords({ sha256, proved, notProved }: SignerVerdict): string[] {
  return [
    `signed by                 ${sha256}`,
    ...proved.map((what) => `proved                    ${what}`),
    ...notProved.map((what) => `not proved                ${what}`),
  ]
}

/** A person with the id that `--let-in` expects. */
export function personInWords({ id, name, roles, state, lastLoginAt }: BackPerson): string {
  const login = lastLoginAt === null ? 'never logged in' : `last login ${lastLoginAt}`
  return `${id}  ${name} (${roles.join(', ')}), ${state}, ${login}`
}

/** A key with the id that `--bring-back` expects. */
export function keyInWords({ id, usage, label, activeCertificates }: BackupKey): string {
  return `key ${id}  ${label} (${usage}), ${activeCertificates} active certificates`
}

/** Which keys the folder has from the backup and which it has not, and which PIN opens its token. */
export function keysInWords(keys: BackupKey[], q: KeysBack): string[] {
  const of = (ids: string[]): BackupKey[] => keys.filter(({ id }) => ids.includes(id))
  const setAt = q.pinSetAt === null ? '' : `, set ${q.pinSetAt}`
  return [
    ...of(q.keysBack).map((key) => `${keyInWords(key)}: as in the backup, also if it was deleted after it`),
    ...of(q.keysLeftOut).map(
      (key) =>
        `${keyInWords(key)}: left out, the folder does not have it: deleted after the backup, or lost. To have it back, restore into another empty database with --bring-back ${key.id}`,
    ),
    q.isPinOfBackup
      ? `the PIN of the token is that of the backup${setAt}: no newer one opens it`
      : 'the PIN of the token is unchanged',
  ]
}
