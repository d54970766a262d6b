/** Evidence of a one-way message, as an auditor gets it. */
import { writeFileSync } from 'node:fs'
import { judgeBundle } from '#core/evidence-bundle/judge-bundle.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { loadConfiguration } from '../verify/load-configuration.ts'
import { type Agency, folderOf } from './layout.ts'
import type { Instance } from './running.ts'

/** The bundle of the delivery, judged like one that somebody else was given. */
export async function proveDelivery(
  instance: Instance,
  agency: Agency,
  { id, file: name }: { id: string; file: string },
  say: (line: string) => void,
): Promise<void> {
  const { layout } = instance
  const api = instance.servers[agency.key]!
  await api.send('POST', '/message-log/time-stamp')
  await api.send('POST', '/message-log/checkpoint')
  const query = new URLSearchParams({ limit: '10', queryId: id })
  const records = await api.get<{ index: number; kind: string }[]>(`/message-log/records?${query}`)
  const kinds = records.map(({ kind }) => kind).reverse()
  const why = new URLSearchParams({ case: 'demonstration', reason: 'shows what an auditor gets' })
  const at = `/message-log/records/${records[0]!.index}/evidence-bundle?${why}`
  const bytes = await api.getBytes(at)
  const file = folderOf(layout, `${agency.key}-${name}.zip`)
  writeFileSync(file, bytes)
  const own = folderOf(layout, `${agency.key}/configuration/current/globalconf`)
  const { indexes: configuration } = await loadConfiguration(own, new Date())
  const { verdict, reason } = await judgeBundle({
    ...{ bundle: await readBundle(bytes), configuration, now: new Date() },
  })
  if (verdict !== 'TOTAL-PASSED') throw new Error(`${file}: ${verdict}, ${reason}`)
  say(`  ${agency.name}: ${kinds.join(', ')}; bundle ${verdict}`)
}
