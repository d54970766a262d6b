/**
 * Who wants to leave an act before its answer: its dialog stays, and what goes all the same is told on the
 * page where the person is then.
 */
import type { Route } from 'playwright-core'
import type { Test } from 'tap'
import type { Visitor } from '../browser.ts'

const CLOSE = `document.querySelector('dialog').close()`

/** As an administrator of everything, at a registry. */
export async function closeWhileSending(t: Test, { page, open, check }: Visitor): Promise<void> {
  const dialog = page.getByRole('dialog')
  const happened = page.locator('.happened')
  /** Begins the act, whose call waits; returns what lets it go on. */
  const begin = async (
    { api, button, fill }: { api: string; button: string; fill(): Promise<unknown> },
    goOn: (route: Route) => Promise<void> = (route) => route.continue(),
  ): Promise<() => Promise<void>> => {
    const held = Promise.withResolvers<void>()
    await page.route(api, async (route) => {
      if (route.request().method() !== 'POST') return route.continue()
      await held.promise
      await goOn(route)
    })
    await page.locator('main').getByRole('button', { name: button }).click()
    await fill()
    await dialog.getByRole('button', { name: button }).click()
    await dialog.getByRole('button', { name: 'Sending …' }).waitFor()
    await dialog.getByRole('status').filter({ hasText: 'Sending …' }).waitFor()
    return async () => {
      held.resolve()
      await happened.locator('.result').waitFor()
      await page.unroute(api)
    }
  }

  await open('/api-keys')
  const key = (name: string) => ({
    ...{ api: '**/api/v1/api-keys', button: 'Make an API key' },
    fill: async () => {
      await dialog.getByLabel('Name').fill(name)
      await dialog.getByLabel('Observer').check()
    },
  })
  const makeKey = await begin(key('left too soon'))
  t.ok(await dialog.getByRole('button', { name: 'Cancel' }).isDisabled(), 'no way out before the answer')
  await page.keyboard.press('Escape')
  await check('act-under-way')
  t.equal(await dialog.count(), 1, 'the dialog stays')
  t.equal(await dialog.getByText('Leave and lose').count(), 0, 'what was sent is not lost')
  // Browsers close a dialog at the second Escape without asking the page.
  await page.evaluate(CLOSE)
  await page.locator('dialog').waitFor({ state: 'detached' })
  await makeKey()
  await happened.getByText('it is not shown again').waitFor()
  await page.getByRole('cell', { name: 'left too soon' }).first().waitFor()

  const makeOther = await begin(key('told behind another dialog'))
  await page.evaluate(CLOSE)
  await page.locator('dialog').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Revoke left too soon' }).click()
  await makeOther()
  await dialog.getByLabel('Name, to confirm').fill('left too soon')
  await dialog.getByRole('button', { name: 'Revoke' }).click()
  await happened.getByText('The key was revoked.').waitFor()
  t.equal(await happened.getByText('it is not shown again').count(), 1, 'nobody has read it before')
  await check('two-outcomes')

  const admit = (memberCode: string) => ({
    ...{ api: '**/api/v1/members', button: 'Admit a member' },
    fill: async () => {
      await dialog.getByLabel('Member class').selectOption('GOV')
      await dialog.getByLabel('Member code').fill(memberCode)
      await dialog.getByLabel('Name').fill('Left too soon')
    },
  })
  const backFrom = async (goOn: () => Promise<void>, words: string): Promise<void> => {
    await page.goBack()
    await page.locator('dialog').waitFor({ state: 'detached' })
    await goOn()
    await happened.getByText(words).waitFor()
    t.match(page.url(), /\/api-keys$/, 'who has gone back stays there')
  }
  await open('/members')
  await backFrom(await begin(admit('left')), 'Admitted:')
  await open('/members')
  const unanswered = await begin(admit('left-2'), (route) => route.abort())
  await backFrom(unanswered, 'may have been carried out all the same')
  await check('act-left-unanswered')
}
