/** What the first page says of audit orders to people who may decide about them. */
import type { Visitor } from '../browser.ts'

const WAITS = /^1 audit order of an authority waits for your decision/

/** Goes from the first page to the orders that wait. */
export async function openWaitingOrders({ open, page }: Visitor, isLate = false): Promise<void> {
  await open('/')
  const link = page.getByRole('link', { name: WAITS })
  await (isLate ? link.filter({ hasText: 'its deadline is over' }) : link).click()
  await page.waitForURL(/\/audit-orders\?state=waiting$/)
}

export async function ordersWaitingFor({ open, page, answered }: Visitor): Promise<number> {
  await open('/')
  await answered()
  return page.getByRole('link', { name: WAITS }).count()
}
