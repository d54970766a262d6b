/**
 * By keyboard through the registry's console: its menu, its search with things of several kinds, and the part
 * of a page that is meant.
 */
import type { Test } from 'tap'
import type { Visitor } from '../browser.ts'
import { findWay } from './find-way.ts'

export async function wayThroughRegistry(t: Test, wide: Visitor, narrow: Visitor): Promise<void> {
  await findWay(t, wide, narrow, {
    ...{ name: 'registry', field: '/members' },
    tabs: ['Security servers', 'Outages', '/fleet/outages'],
    act: ['suspend', 'Suspend a member, server', '/suspensions'],
    things: [
      ['gov:1234', 'DEV:GOV:1234:SS1', '/security-servers/DEV:GOV:1234:SS1'],
      ['owners', 'owners Owners', '/global-groups/owners'],
      ['pop ä:persons', 'Persons', '/catalogue/DEV:GOV:1234:pop%20%C3%A4:persons'],
      ['tsa.example', 'Test TSA', '/trust-services'],
    ],
  })
  const { page } = wide
  await wide.open('/trust-services#timestampingService-1')
  const meant = page.getByRole('heading', { name: 'Test TSA' })
  await meant.and(page.locator(':focus')).waitFor()
  t.ok(await meant.isVisible(), 'the part that was looked for has the focus')
}
