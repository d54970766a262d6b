/**
 * A person at a console of the living sandbox, which they reach by its name: they add a passkey, sign in with it, and confirm an act with it
 * where the agency wants that.
 */
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { leaveDialog, openBrowser, visitor } from '../browser.ts'
import { act, close } from '../second-person.ts'
import type { World } from '../world.ts'
import { usePasskey } from './use-passkey.ts'

type Person = { subject: string; password: string }

export async function useNames(t: Test, world: World): Promise<void> {
  const { people } = JSON.parse(readFileSync(world.login.peopleFile, 'utf8')) as { people: Person[] }
  const { adminUrl, consoleUrl } = world.servers.health
  const name = new URL(consoleUrl).origin
  const hosts = [new URL(world.login.issuer).host, new URL(adminUrl).host]
  const hugo = await visitor(t, await openBrowser(), { base: `${name}/console`, hosts })
  const { page } = hugo
  // As somebody does who has the address of the management API.
  await page.goto(`${adminUrl}/console/`)
  const signIn = page.getByRole('link', { name: 'Sign in', exact: true })
  t.equal(await signIn.getAttribute('href'), `${name}/login`)
  t.equal(await page.getByRole('button', { name: 'Sign in with a passkey' }).count(), 0)
  await signIn.click()
  await page.getByLabel('Name').fill('hugo')
  await page.getByLabel('Password').fill(people.find(({ subject }) => subject === 'hugo')!.password)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor()
  t.match(page.url(), `${name}/console/`)
  await usePasskey(t, hugo, async (verifies) => {
    await hugo.open('/people')
    const invited = { 'E-mail address': 'new@health.sandbox.example', 'Service administrator': 'check' }
    await verifies(false)
    await act(hugo, 'Invite a person', invited, 'Invite a person', 'No passkey was used')
    await leaveDialog(page)
    await verifies(true)
    await act(hugo, 'Invite a person', invited, 'Invite a person', 'invited')
    await close(hugo)
    await page.getByText('new@health.sandbox.example').first().waitFor()
  })
}
