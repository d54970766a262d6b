/**
 * The configuration is past its end: which contracts let a call go on, for how long, and which calls never
 * do.
 */
import t from 'tap'
import { parseServiceId, subsystemOf } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import type { Overdue } from '../overdue.ts'
import { ask, PERSONS, play, QUESTION, sealedBy } from './contracts-fixture.ts'
import { LIST_GOOD_MS } from './index-contracts.ts'

t.test('the configuration is past its end', (t) =>
  eachDatabase(t, async (database, t) => {
    const { contracts, clock, registry, snapshot, suspended, again } = await play(database)
    const content = contentAt(clock.now, { outageGraceHours: 1 })
    const none = contentAt(clock.now, { services: [{ ...content.services[0]!, serviceCode: 'cars' }] })
    for (const one of [content, none])
      registry.entries.push({ content: one, state: 'ACTIVE', seals: sealedBy(one, clock.now) })
    const CARS = parseServiceId('DEV/GOV/1234/plain/cars')
    const HOUR_MS = 3_600_000
    const end = (forMs: number, code: Overdue['code'] = 'global_conf_outdated'): void => {
      snapshot.overdue = () => ({ code, since: clock.now - forMs, forMs })
    }
    end(0)
    t.equal(ask(contracts, clock.now), 'global_conf_outdated', 'before anything is known of contracts')
    snapshot.statementIndex = undefined
    t.equal(ask(contracts, clock.now), 'global_conf_outdated', 'nor where there are none')
    snapshot.statementIndex = 1
    await contracts.refresh()
    for (const required of [true, false]) {
      registry.required = required
      await contracts.refresh()
      end(HOUR_MS - 1)
      t.equal(ask(contracts, clock.now), `${content.contract}/1`, 'as long as it grants')
      t.equal(ask(contracts, clock.now - 10 * HOUR_MS), `${content.contract}/1`)
      end(HOUR_MS, 'suspension_list_outdated')
      t.equal(ask(contracts, clock.now), 'suspension_list_outdated', 'and not longer')
      t.equal(ask(contracts, clock.now - 10 * HOUR_MS), 'suspension_list_outdated', 'whatever our clock says')
      end(1)
      t.equal(ask(contracts, clock.now, { service: CARS }), 'global_conf_outdated', 'another grants nothing')
      t.equal(ask(contracts, clock.now, { path: '/people' }), 'global_conf_outdated', 'no contract covers it')
      const UNKNOWN = parseServiceId('DEV/GOV/1234/plain/unknown')
      t.equal(ask(contracts, clock.now, { service: UNKNOWN }), 'global_conf_outdated', 'by rights alone')
      t.equal(ask(contracts, clock.now, { service: UNKNOWN, isElsewhere: true }), 'global_conf_outdated')
      t.equal(ask(contracts, clock.now, { client: subsystemOf(PERSONS) }), 'global_conf_outdated', 'itself')
    }
    t.throws(
      () => contracts.contractFor({ ...QUESTION, at: clock.now, service: CARS }),
      /since .*; the contract [^ ]+\/1 grants no outage grace/,
    )
    clock.now += LIST_GOOD_MS + 1
    t.throws(
      () => contracts.contractFor({ ...QUESTION, at: clock.now, service: CARS }),
      /grants no outage grace/,
      'also when the list of contracts is old',
    )
    clock.now -= LIST_GOOD_MS + 1
    t.equal(ask(contracts, clock.now, { neverInGrace: true }), 'global_conf_outdated', 'a tracker')
    snapshot.index.privateParameters!.managementService!.providerId = subsystemOf(PERSONS)
    t.equal(ask(contracts, clock.now), 'global_conf_outdated', 'management services')
    delete snapshot.index.privateParameters!.managementService!.providerId
    t.equal(ask(await again(), clock.now), `${content.contract}/1`, 'after a restart')
    suspended.add(content.contract)
    t.equal(ask(contracts, clock.now), 'contract_suspended', 'who was suspended before stays so')
    suspended.clear()
    for (const [state, code] of [
      ['SUSPENDED', 'contract_suspended'],
      ['TERMINATED', 'global_conf_outdated'],
    ] as const) {
      registry.entries[0]!.state = state
      await contracts.refresh()
      t.equal(ask(contracts, clock.now), code)
    }

    // Neither another version nor another contract takes the place of the one by which calls are judged.
    const other = contentAt(clock.now, { version: 2, logLevel: 'digest' })
    for (const second of [{ ...content, version: 2, outageGraceHours: 0 }, other]) {
      registry.entries = [content, second].map((one) => ({
        ...{ content: one, state: 'ACTIVE', seals: sealedBy(one, clock.now) },
      }))
      for (const required of [true, false]) {
        registry.required = required
        await contracts.refresh()
        end(1)
        t.equal(ask(contracts, clock.now), 'global_conf_outdated')
        snapshot.overdue = () => undefined
        const listed = clock.now
        clock.now += LIST_GOOD_MS + 1
        const judged = required ? 'contracts_outdated' : ''
        t.equal(ask(contracts, clock.now), judged, 'nor when the list of contracts alone is old')
        clock.now = listed
      }
    }

    // A contract that ended in the outage does not begin anew when our clock is turned back.
    const [validUntil, reviewAt] = [0, HOUR_MS].map((ms) => new Date(clock.now - ms).toISOString())
    const brief = contentAt(clock.now, { outageGraceHours: 1, validUntil: validUntil!, reviewAt: reviewAt! })
    registry.entries = [{ content: brief, state: 'ACTIVE', seals: sealedBy(brief, clock.now) }]
    await contracts.refresh()
    end(1)
    t.equal(ask(contracts, clock.now - HOUR_MS), 'global_conf_outdated')
    snapshot.overdue = () => undefined
    t.equal(ask(contracts, clock.now - HOUR_MS), `${brief.contract}/1`, 'an hour before its end')

    // Personal data have none unless the parties say so.
    for (const [more, graceMs] of [
      [{}, undefined],
      [{ outageGracePersonalData: false }, undefined],
      [{ outageGracePersonalData: true }, HOUR_MS],
    ] as const) {
      const personal = contentAt(clock.now, { personalData: true, outageGraceHours: 1, ...more })
      registry.entries = [{ content: personal, state: 'ACTIVE', seals: sealedBy(personal, clock.now) }]
      await contracts.refresh()
      snapshot.overdue = () => undefined
      t.equal(contracts.contractFor({ ...QUESTION, at: clock.now }).graceMs, graceMs)
      const code = graceMs === undefined ? 'global_conf_outdated' : `${personal.contract}/1`
      end(1)
      t.equal(ask(contracts, clock.now), code)
      snapshot.overdue = () => undefined
      const later = graceMs === undefined ? '' : `${personal.contract}/1`
      t.equal(ask(contracts, clock.now + LIST_GOOD_MS + 1), later, 'the list of contracts alone is old')
    }
  }),
)
