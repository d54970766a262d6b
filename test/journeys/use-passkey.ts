/**
 * A signed-in person adds a passkey, signs in with it by keyboard alone, and removes it; the authenticator is
 * Chromium's own.
 */
import type { Locator, Page } from 'playwright-core'
import type { Test } from 'tap'
import { leaveDialog, outcomeOf, type Visitor } from '../browser.ts'
import { act, close } from '../second-person.ts'

const AUTHENTICATOR = {
  ...({ protocol: 'ctap2', transport: 'internal', hasResidentKey: true } as const),
  ...{ hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
}

const MOST_STOPS = 30

/** Presses Tab until the control has the focus, from the top of the page. */
async function tabTo(page: Page, control: Locator): Promise<void> {
  await page.locator('body').evaluate((body: { focus(): void }) => body.focus())
  for (let stop = 0; stop < MOST_STOPS; stop++) {
    await page.keyboard.press('Tab')
    if (await control.evaluate((node) => node === node.ownerDocument.activeElement)) return
  }
  throw new Error('Tab does not reach it')
}

/**
 * `code`: what an administrator gives the person for a first passkey. `meanwhile`: what the person does while
 * they have one; `verifies` says whether the device knows its user then.
 */
export async function usePasskey(
  t: Test,
  who: Visitor,
  code: () => Promise<string>,
  meanwhile: (verifies: (isUserVerified: boolean) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const { page } = who
  const devices = await page.context().newCDPSession(page)
  // Without it the window has no such device any more, and may serve others.
  t.teardown(() => devices.detach())
  await devices.send('WebAuthn.enable')
  const { authenticatorId } = await devices.send('WebAuthn.addVirtualAuthenticator', {
    options: AUTHENTICATOR,
  })
  const name = { 'Name of the passkey': 'work laptop' }
  await page.getByText(/^\d+ roles?$/).click()
  await page.getByRole('link', { name: 'My passkeys' }).click()
  await page.getByText('You have no passkey here yet.').waitFor()
  await who.check('passkeys-none')
  const wrong = { ...name, 'Code of an administrator': 'of nobody' }
  await act(who, 'Add a passkey', wrong, 'Add a passkey', 'takes a code that an administrator gives you')
  await who.check('passkey-code-wrong')
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Code of an administrator').fill(await code())
  await dialog.getByRole('button', { name: 'Add a passkey', exact: true }).click()
  await outcomeOf(page).getByText('The passkey was added.').waitFor()
  await close(who)
  await page.getByRole('cell', { name: 'work laptop', exact: true }).waitFor()
  await who.check('passkeys')
  await act(who, 'Add a passkey', name, 'Add a passkey', 'This device has a passkey of yours')
  await leaveDialog(page)
  await page.setViewportSize({ width: 360, height: 740 })
  await who.check('passkeys-narrow', 'layout')
  await page.setViewportSize({ width: 1280, height: 800 })

  const signOut = async (): Promise<void> => {
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign in with a passkey' }).waitFor()
  }
  await signOut()
  await who.check('sign-in-passkey')
  await devices.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
  await tabTo(page, page.getByRole('button', { name: 'Sign in with a passkey' }))
  await page.keyboard.press('Enter')
  await page.getByText('No passkey was used').waitFor()
  await who.check('sign-in-passkey-refused')
  await devices.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
  await tabTo(page, page.getByRole('button', { name: 'Sign in with a passkey' }))
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
  await page
    .getByRole('row', { name: /work laptop/ })
    .getByText('usable')
    .waitFor()
  t.equal(await page.getByRole('cell', { name: 'never' }).count(), 0, 'its use is shown')

  await goOnAfterTheEnd(t, who)
  await meanwhile((isUserVerified) =>
    devices.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
  )
  await page.getByText(/^\d+ roles?$/).click()
  await page.getByRole('link', { name: 'My passkeys' }).click()
  await act(who, 'Remove work laptop', {}, 'Remove', 'The passkey was removed.')
  await close(who)
  await page.getByText('Your session has ended').waitFor()
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await page.getByText('The passkey was not accepted').waitFor()
  await who.look('sign-in-passkey-removed')
}

/** The session ends while a name is typed: after the next sign-in it is still there. */
async function goOnAfterTheEnd(t: Test, who: Visitor): Promise<void> {
  const { page } = who
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  const name = page.getByRole('dialog').getByLabel('Name of the passkey')
  await name.fill('second laptop')
  await page.context().clearCookies()
  await page.getByRole('dialog').getByRole('button', { name: 'Add a passkey', exact: true }).click()
  const ended = page.getByRole('dialog', { name: 'Your session has ended' })
  await ended.getByText('What you typed is still here').waitFor()
  await who.check('session-ended-person')
  await page.setViewportSize({ width: 360, height: 740 })
  await who.check('session-ended-person-narrow', 'layout')
  await page.setViewportSize({ width: 1280, height: 800 })
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await ended.getByRole('button', { name: 'I have signed in' }).click()
  await ended.getByText('Nobody is signed in yet').waitFor()
  await ended.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await ended.waitFor({ state: 'detached' })
  t.equal(await name.inputValue(), 'second laptop')
  t.ok(await name.evaluate((field) => field.closest('dialog')?.contains(field.ownerDocument.activeElement)))
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('button', { name: 'Leave without it' }).click()
}
