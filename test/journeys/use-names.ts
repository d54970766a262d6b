/**
 * A person at a console of the living sandbox, which they reach by its name: they add a passkey, sign in with
 * it, and confirm an act with it where the agency wants that.
 */
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { leaveDialog, openBrowser, outcomeOf, type Visitor, visitor } from '../browser.ts'
import { act, close } from '../second-person.ts'
import type { World } from '../world.ts'
import { usePasskey } from './use-passkey.ts'

type Person = { subject: string; password: string }

export async function useNames(t: Test, world: World): Promise<void> {
  const { people } = JSON.parse(readFileSync(world.login.peopleFile, 'utf8')) as { people: Person[] }
  const { adminUrl, consoleUrl } = world.servers.health
  const name = new URL(consoleUrl).origin
  const hosts = [new URL(world.login.issuer).host, new URL(adminUrl).host]
  const arrive = async (subject: string, first: string): Promise<Visitor> => {
    const who = await visitor(t, await openBrowser(), { base: `${name}/console`, hosts })
    await who.page.goto(first)
    const signIn = who.page.getByRole('link', { name: 'Sign in', exact: true })
    t.equal(await signIn.getAttribute('href'), first.startsWith(name) ? '/login' : `${name}/login`)
    t.equal(
      await who.page.getByRole('button', { name: 'Sign in with a passkey' }).count(),
      first.startsWith(name) ? 1 : 0,
    )
    await signIn.click()
    await who.page.getByLabel('Name').fill(subject)
    await who.page.getByLabel('Password').fill(people.find((one) => one.subject === subject)!.password)
    await who.page.keyboard.press('Enter')
    await who.page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor()
    t.match(who.page.url(), `${name}/console/`)
    return who
  }
  // As somebody does who has the address of the management API.
  const hugo = await arrive('hugo', `${adminUrl}/console/`)
  const { page } = hugo
  /** The other administrator gives it, who has no passkey either. */
  const code = async (): Promise<string> => {
    const heikki = await arrive('heikki', `${name}/console/`)
    await heikki.open('/people')
    const button = 'Code for a passkey of Hugo Holm'
    await act(heikki, button, {}, 'Code for a passkey', 'Tell Hugo Holm this code')
    await heikki.check('passkey-code')
    const given = await outcomeOf(heikki.page).locator('bdi.id').textContent()
    await close(heikki)
    return given ?? ''
  }
  await usePasskey(t, hugo, code, async (verifies) => {
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
