/** What a person reads of a backup of a security server: who signed it, and who would come in with it. */
import type { BackPerson } from './comes-back.ts'
import type { SignerVerdict } from './judge-signer.ts'

/** A line each: what was proved of the signer, and what was not. */
export function signerInWords({ sha256, proved, notProved }: SignerVerdict): string[] {
  return [
    `signed by                 ${sha256}`,
    ...proved.map((what) => `proved                    ${what}`),
    ...notProved.map((what) => `not proved                ${what}`),
  ]
}

/** With the id, by which `--let-in` names them. */
export function personInWords({ id, name, roles, state, lastLoginAt }: BackPerson): string {
  const login = lastLoginAt === null ? 'never logged in' : `last login ${lastLoginAt}`
  return `${id}  ${name} (${roles.join(', ')}), ${state}, ${login}`
}
