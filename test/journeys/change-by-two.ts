/** Two administrators of a security server change a retention class, where its policy wants two people for that. */
import type { Visitor } from '../browser.ts'
import { act, close } from '../second-person.ts'

const ROLES = ['XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_SECURITY_OFFICER']

export async function changeByTwo(
  windowOf: (subject: string, roles: string[]) => Promise<Visitor>,
): Promise<void> {
  const [sara, sven] = [await windowOf('sara', ROLES), await windowOf('sven', ROLES)]
  await sara.open('/proposals')
  await sara.page.getByText('Nothing has been proposed yet.').waitFor()
  await sara.check('agency-proposals-empty')
  await sara.open('/retention')
  const made = { 'Retention class': 'short', Kept: '30', Reason: 'the decree of 1 March' }
  await act(sara, 'Make or change a class', made, 'Propose', 'it waits')
  await close(sara)
  await sara.open('/proposals?view=mine')
  await sara.page.getByRole('link', { name: 'Make or change a retention class' }).click()
  await sara.page.getByText('You proposed this. Another person decides').waitFor()
  await sara.check('agency-proposal-mine')

  await sara.open('/')
  await sara.page.getByText('1 proposal of yours waits for a second person.').waitFor()
  await sven.open('/')
  await sven.page.getByRole('link', { name: '1 proposal waits for you as the second person.' }).click()
  await sven.check('agency-proposals')
  await sven.page.getByRole('link', { name: 'Make or change a retention class' }).first().click()
  await sven.page.getByText('the decree of 1 March').first().waitFor()
  await sven.page.setViewportSize({ width: 360, height: 740 })
  await sven.check('agency-proposal-narrow')
  await sven.page.setViewportSize({ width: 1280, height: 800 })
  await act(sven, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await close(sven)
  await sven.check('agency-proposal-approved')
  await sven.open('/retention')
  await sven.page.getByRole('cell', { name: 'short' }).first().waitFor()
}
