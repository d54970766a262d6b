/**
 * A service contract of the sandbox: two people of each agency agree to it, two administrators approve it,
 * and what it does not name is gone from an answer.
 */

import { putInForce } from './put-in-force.ts'
import type { Instance } from './running.ts'
import { NAMES_FIELDS, namesContract } from './terms.ts'

type Say = (line: string) => void

/** Searches for a family name under the contract. Throws with the reason when a step fails. */
export async function showContract(instance: Instance, familyName: string, say: Say): Promise<void> {
  const { systems, agencies } = instance.layout
  const { population } = agencies
  const { terms, ...parties } = namesContract(instance.layout, Date.now())
  say(`The Tax Agency searches for people under a contract, "${terms.title}":`)
  say(`  in force        ${await putInForce(instance, terms, parties)}`)
  const where = `http://${systems.address}:${systems.taxAgency}/persons?familyName=${encodeURIComponent(familyName)}`
  const reply = await fetch(where)
  const body = (await reply.json()) as { persons?: Record<string, string>[] }
  const [person] = body.persons ?? []
  if (person === undefined) throw new Error(`the search was answered ${reply.status} ${JSON.stringify(body)}`)
  say(`  answered        ${Object.keys(person).join(', ')} of ${body.persons!.length} persons`)
  const log = instance.servers[population.key]!
  const query = new URLSearchParams({ limit: '10', queryId: reply.headers.get('x-road-id') ?? '' })
  const records = await log.get<{ index: number; kind: string }[]>(`/message-log/records?${query}`)
  const { index } = records.find(({ kind }) => kind === 'reply')!
  const { metadata, form } = await log.get<{
    metadata: { extra: { removedFields?: string } }
    form: { contract: string }
  }>(`/message-log/records/${index}`)
  const removed = JSON.parse(metadata.extra.removedFields ?? '[]') as string[]
  if (removed.length === 0 || Object.keys(person).some((name) => !NAMES_FIELDS.includes(`/persons/${name}`)))
    throw new Error('the answer has fields that the contract does not name')
  say(`  removed         ${removed.join(', ')}, before the ${population.name} signed`)
  say(`  on record       ${population.name}, index ${index}, contract ${form.contract}`)
}
