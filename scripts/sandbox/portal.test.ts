/** The portals of a living sandbox: by which subsystem each asks, and what a start prints of them. */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { readSettings } from '#adapters/kit/serve-adapter.ts'
import { readWorkerSettings } from '#adapters/kit/serve-worker.ts'
import { lifeEvents } from '#adapters/life-events/adapter.ts'
import { portal } from '#adapters/portal/portal.ts'
import type { PortalSettings } from '#adapters/portal/settings.ts'
import { benefitSettings, writeBenefitSettings } from './benefits.ts'
import { sayWhatNext } from './demonstrate.ts'
import { type Layout, layoutOf } from './layout.ts'
import { citizensPassword, clerksPassword, writePeople } from './people.ts'
import { citizen, sayPortal, writePortalSettings } from './portal.ts'
import { livingContracts } from './terms.ts'

const [WEB, COUNTER] = ['DEV/GOV/1001/portal', 'DEV/GOV/1001/counter']

function living(directory: string, pastDays: number | undefined = 12): Layout {
  for (const folder of ['registry', 'population', 'tax', 'business', 'health', 'portal', 'counter'])
    mkdirSync(path.join(directory, folder), { recursive: true })
  return layoutOf(directory, '127.0.9', 'DEV', pastDays)
}

void t.test('a benefit comes by web, at the counter and by letter', async (t) => {
  const layout = living(t.testdir({}))
  writePeople(layout)
  writeBenefitSettings(layout)
  writePortalSettings(layout, 'http://127.0.9.20:8890', 'DEV/GOV/1003/business/mandates')
  const offers = await readSettings(lifeEvents, benefitSettings(layout), {})
  t.match(offers, { representation: [WEB, COUNTER], counters: [COUNTER], letterPages: [WEB] })
  t.equal(offers.rules[0]!.letter!.afterDays, 0, 'a letter can be printed at once')
  for (const [name, client] of [
    ['portal', WEB],
    ['counter', COUNTER],
  ] as const) {
    const file = path.join(layout.directory, `${name}.yaml`)
    const settings = await readWorkerSettings<PortalSettings>(portal, file, {})
    t.match(settings, { letters: true, securityServer: { client } }, name)
  }
  const asking = livingContracts(layout, 0).flatMap(({ terms: { consumers } }) =>
    'subsystems' in consumers && consumers.subsystems.includes(WEB) ? [consumers.subsystems] : [],
  )
  t.ok(asking.length > 5)
  for (const subsystems of asking) t.same(subsystems, [WEB, COUNTER], 'both may ask the same')
})

void t.test('a start prints where the portal is, and as whom one signs in', async (t) => {
  const layout = living(t.testdir({}))
  writePeople(layout)
  const said: string[] = []
  sayWhatNext({ layout, installed: true }, (line) => said.push(line))
  const { name } = citizen()
  const all = said.join('\n')
  t.match(
    all,
    new RegExp(
      `^  Citizens' portal   http://127\\.0\\.9\\.40:9450/  .*; ${name} signs in as:\n    citizen ${citizensPassword(layout)} `,
      'm',
    ),
  )
  const lines = sayPortal(layout, citizensPassword(layout), clerksPassword(layout))
  t.ok(all.includes(lines.join('\n')), 'in this order, with the passwords that the provider of logins has')
  t.match(
    lines.find((line) => line.includes(citizensPassword(layout))),
    /^ {4}citizen /,
  )
  t.match(
    lines.find((line) => line.includes(clerksPassword(layout))),
    /^ {4}kai {5}/,
  )
  t.match(lines.join('\n'), /Counter {12}http:\/\/127\.0\.9\.41:9450\/ .*Kai Kask, number K00000001/)
  t.match(lines.join('\n'), `letters to ${name} lie in ${path.join(layout.directory, 'mail')}`)
  t.match(lines.join('\n'), 'http://127.0.9.42:9460/', 'the wallet')
  const lean = layoutOf(layout.directory, '127.0.9')
  t.same(sayPortal(lean, '', ''), [], 'a lean one has none')
})
