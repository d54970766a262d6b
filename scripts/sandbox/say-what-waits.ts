/** What the past of a living sandbox has left for somebody to look at or to decide: by whom, and where. */
import type { Agency, Layout } from './layout.ts'
import { registryUrl, serverUrl } from './people.ts'

/** Says nothing about a lean sandbox. What has been decided since is not taken out. */
export function sayWhatWaits(layout: Layout, say: (line: string) => void): void {
  const { population, tax, health } = layout.agencies
  if (health === undefined) return
  const at = (agency: Agency, who: string): string => `${who.padEnd(6)} ${serverUrl(layout, agency)}/console/`
  say('')
  say('What its past has left for somebody:')
  const lines: [string, string][] = [
    ['a member that waits for a second administrator', `${'ben'.padEnd(6)} ${registryUrl(layout)}/console/`],
    ['a contract that waits for the provider', at(population, 'paula')],
    ['refused calls of who asks without that contract', at(population, 'piret')],
    ['a day on which two logs differ in one exchange', at(population, 'piret')],
    ['a certificate that ends in three weeks', at(health, 'hugo')],
    ['an event that is not taken and waits', at(tax, 'tea')],
  ]
  for (const [what, where] of lines) say(`  ${what.padEnd(50)}${where}`)
}
