/** The acts of a security server's system administrator in the console: backups, a restore, API keys. */
import type { Test } from 'tap'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { RESTORED, type RestoreRecord } from '#security-server/features/backups/restore-record.ts'
import type { AdminWorld } from '#test/management-api/admin-fixture.ts'
import type { Visitor } from '../browser.ts'
import { act, close } from '../second-person.ts'

const NARROW = { width: 320, height: 640 }

/** `sys` is the window of the person Sys; Ben is another person. */
export async function administer(t: Test, sys: Visitor, world: AdminWorld): Promise<void> {
  const { page } = sys
  const wide = page.viewportSize()!
  const look = async (name: string): Promise<void> => {
    await sys.check(name)
    await page.setViewportSize(NARROW)
    await sys.check(`${name}-narrow`, 'layout')
    await page.setViewportSize(wide)
  }
  await sys.open('/backups')
  await page.getByText('name no folder for backups').waitFor()
  await sys.check('evidence-backups')
  t.equal(await page.getByRole('heading', { name: 'This server was restored' }).count(), 0)
  await noteRestore(world)
  await sys.open('/backups')
  const back = page.getByRole('table', { name: 'People who could have come in again' })
  t.match(await back.textContent(), /Person sys.*let in.*active.*Person ben.*locked/s)
  await page.getByText('Keys left out', { exact: true }).waitFor()
  await look('evidence-restored')

  await sys.open('/api-keys')
  await act(
    sys,
    'Make an API key',
    { Name: 'meter', 'Observer of the security server': 'check', 'Only from': '192.0.2.0/24' },
    'Make an API key',
    'it is not shown again',
  )
  await page.getByRole('dialog').getByRole('button', { name: 'Copy API key' }).waitFor()
  await sys.check('evidence-api-key-made')
  await close(sys)
  const row = page.getByRole('row', { name: /meter/ })
  await row.getByText('only from 192.0.2.0/24').waitFor()
  await look('evidence-api-keys')
  await page.getByLabel('Search by name, id, role or address').fill('meter')
  await page.keyboard.press('Enter')
  await page.waitForURL(/[?&]q=meter/)
  await sys.answered()
  t.equal(await page.locator('main tbody tr').count(), 1)
  await act(sys, 'Revoke meter', { 'Name, to confirm': 'meter' }, 'Revoke', 'The key was revoked.')
  await close(sys)
  await row.getByText('revoked').waitFor()
  t.equal(await row.getByRole('button', { name: /Revoke/ }).count(), 0)
}

/** Writes the record of a restore as the restore does; the restore itself is tested elsewhere. */
async function noteRestore({ rooms, database }: AdminWorld): Promise<void> {
  const known = await rooms.people.list({ q: '', offset: 0, limit: 50 })
  const idOf = (name: string): string => known.find((person) => person.name === name)!.id
  await createAuditLog({ database, clock: Date.now }).before({
    ...{ caller: { id: '', name: 'operator' }, operation: RESTORED, target: '/api/v1/restoration' },
    data: {
      ...{ backupSha256: 'a'.repeat(64), signer: 'b'.repeat(64), madeAt: '2026-01-01T00:00:00.000Z' },
      ...{ letIn: [idOf('Person sys')], locked: [idOf('Person ben')], removed: [], endedApiKeys: ['k'] },
      ...{ keysBack: [], keysLeftOut: ['c'.repeat(40)], isPinOfBackup: false, pinSetAt: null },
    } satisfies RestoreRecord,
  })
}
