/** Texts about a backup of a security server for people: who signed it, and who could log in after a restore. */
import type { BackPerson } from './comes-back.ts'
import type { SignerVerdict } from './judge-signer.ts'

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
