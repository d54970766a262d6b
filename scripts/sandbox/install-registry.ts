/**
 * The installation ceremony as two persons do it, and the invitations of the readers. Afterwards two persons
 * have to agree.
 */
import { readFileSync } from 'node:fs'
import { type Administrator, byTwo, openAdministrator } from './administrator.ts'
import { folderOf, type Layout } from './layout.ts'
import { INVITED, peopleOf, registryUrl } from './people.ts'

export type Administrators = [Administrator, Administrator]

/** Logs in the future administrators, who have no roles yet. Each login, code and session is a real one. */
export async function arrive(layout: Layout): Promise<Administrators> {
  const [first, second] = peopleOf(layout).map((person, at) =>
    openAdministrator(registryUrl(layout), person, `${layout.people}${at + 1}`),
  )
  await Promise.all([first!.login(), second!.login()])
  return [first!, second!]
}

/** Each redeems a code and logs in again: from then on changes of trust need both. */
export async function installRegistry(two: Administrators, layout: Layout): Promise<void> {
  await Promise.all(
    two.map(async (one, at) => {
      const code = readFileSync(folderOf(layout, `registry/code-${at + 1}`), 'utf8').trim()
      await one.send('POST', '/installation/redeem', { code })
      await one.login()
    }),
  )
}

/** Invites an auditor and an observer, proposed by one administrator and approved by the other. */
export async function inviteReaders(two: Administrators, layout: Layout): Promise<void> {
  for (const { subject, does, roles } of INVITED) {
    const email = peopleOf(layout).find((one) => one.subject === subject)!.email
    const body = { email, roles: [...roles] }
    await byTwo(two, { method: 'POST', path: '/people', body, reason: `The sandbox has an ${does}.` })
  }
}
