/** One contract: what it waits for, its terms and seals, its versions side by side, its history. */
import { useState } from 'preact/hooks'
import { ChooseVersion, ContractState, currentOf } from '../../kit/contract.tsx'
import { Terms } from '../../kit/contract-terms.tsx'
import { Versions } from '../../kit/contract-versions.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { withoutIds } from '../../kit/done.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { type TextKey, text, textIfAny } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Timeline } from '../../kit/timeline.tsx'
import { History } from '../history.tsx'
import { SuspensionPart } from '../suspensions/suspension.tsx'
import { BetweenInstances } from './between.tsx'
import { ContactsOf } from './contacts.tsx'
import { Parties, Party, type Seal, type Version, type WholeContract } from './contract.tsx'
import { DecideContract } from './decide.tsx'

export function OneContract({ params }: { params: Record<string, string> }) {
  const contract = useAnswer<WholeContract>('getContract', { params: { id: params['id']! } })
  return (
    <Show of={contract} page="contracts.one">
      {(data) => <Known of={data} />}
    </Show>
  )
}

function Known({ of }: { of: WholeContract }) {
  const { contract, versions, suspension } = of
  const current = currentOf(versions)
  const [chosen, setChosen] = useState(current.version)
  const shown = versions.find(({ version }) => version === chosen) ?? current
  return (
    <>
      <Head title={current.title} lead={<Copyable value={contract} />} acts={<DecideContract of={of} />} />
      <WaitsFor versions={versions} />
      {suspension !== null && <SuspensionPart of={suspension} />}
      <Part title={text('common.facts')}>
        <Facts
          of={[
            ['common.state', <ContractState key="state" of={current} />],
            ['contract.versionField', String(current.version)],
            ['contract.provider', <Party key="provider" id={current.provider} />],
            ['contract.consumers', <Parties key="consumers" of={current.consumers} />],
            ['contract.personalData', text(current.personalData ? 'common.yes' : 'common.no')],
            ['contract.critical', text(current.critical ? 'common.yes' : 'common.no')],
            ['contract.validFrom', <Time key="from" at={current.validFrom} />],
            ['contract.validUntil', <Time key="until" at={current.validUntil} relative />],
            ['contract.reviewAt', <Time key="review" at={current.reviewAt} relative />],
            ...(current.reason === undefined
              ? []
              : [
                  [
                    'contract.reason',
                    <bdi key="why" class="wrap">
                      {current.reason}
                    </bdi>,
                  ] as [TextKey, object],
                ]),
          ]}
        />
      </Part>
      <BetweenInstances {...current} />
      {versions.length > 1 && <Versions of={versions} />}
      <Part
        title={text('contract.terms', { version: String(shown.version) })}
        acts={
          versions.length > 1 && <ChooseVersion of={versions} chosen={shown.version} choose={setChosen} />
        }
      >
        <Terms of={shown} Party={Party} />
      </Part>
      <ContactsOf of={shown} />
      <Seals of={shown} />
      <Life of={of} />
      <History of="contracts" id={contract} />
    </>
  )
}

/** Who must act before a proposed version comes into force. */
function WaitsFor({ versions }: { versions: Version[] }) {
  const open = versions.find(({ state }) => state === 'PROPOSED' || state === 'ACCEPTED')
  if (open === undefined) return null
  const version = String(open.version)
  const sides = open.contactsMissing?.map((one) => text(`contract.side.${one}`)) ?? []
  return (
    <Part title={text('contract.waits', { version })}>
      {open.state === 'ACCEPTED' ? (
        <p>{text(sides.length === 0 ? 'contract.waitsForRegistry' : 'contract.sealedByAll')}</p>
      ) : (
        <>
          <p>{text('contract.waitsForSeals')}</p>
          <ul class="plain-list">
            {open.waitsFor.map((member) => (
              <li key={member}>
                <Party id={member} />
              </li>
            ))}
          </ul>
        </>
      )}
      {sides.length > 0 && <p>{text('contract.waitsForContacts', { sides: sides.join(', ') })}</p>}
    </Part>
  )
}

function Seals({ of: { seals, version } }: { of: Version }) {
  return (
    <Part title={text('contract.seals', { version: String(version) })}>
      {seals.length === 0 ? (
        <p>{text('contract.noSeals')}</p>
      ) : (
        <>
          <p>{text('contract.mandatedHint')}</p>
          <HeldTable<Seal>
            caption={text('contract.seals', { version: String(version) })}
            name="seals"
            rows={seals}
            rowKey={({ sha256 }) => sha256}
            words={({ member, mandated, subsystems = [], sha256 }) =>
              [member, ...mandated, ...subsystems, sha256].join(' ')
            }
            columns={[
              { title: 'members.one', cell: ({ member }) => <Party id={member} /> },
              {
                title: 'contract.mandated',
                cell: ({ mandated }) => (
                  <ul class="plain-list">
                    {mandated.map((name) => (
                      <li key={name}>
                        <bdi>{withoutIds(name)}</bdi>
                      </li>
                    ))}
                  </ul>
                ),
              },
              {
                title: 'contract.joined',
                cell: ({ subsystems }) =>
                  subsystems === undefined ? text('contract.asParty') : <Parties of={{ subsystems }} />,
              },
              { title: 'contract.sealedAt', cell: ({ sealedAt }) => <Time at={sealedAt} /> },
              {
                title: 'contract.sealHash',
                cell: ({ sha256 }) => <Copyable value={sha256} label={text('contract.sealHash')} />,
              },
            ]}
            empty={null}
          />
        </>
      )}
    </Part>
  )
}

function Life({ of: { events, notices, versions } }: { of: WholeContract }) {
  const happened = [
    ...events.map((event) => ({
      at: event.at,
      what: (
        <>
          {text('contract.event', { version: String(event.version), what: actName(event.act) })}
          {event.reason !== null && <bdi class="beside wrap"> {event.reason}</bdi>}
        </>
      ),
      who: withoutIds(event.by),
    })),
    ...notices.map(({ at, version, notice }) => ({
      at,
      what: <>{text('contract.event', { version: String(version), what: noticeName(notice) })}</>,
      who: text('contract.notice'),
    })),
    // It ended by the clock: nobody did it.
    ...versions
      .filter(({ state }) => state === 'EXPIRED')
      .map(({ version, validUntil }) => ({
        at: validUntil,
        what: <>{text('contract.event', { version: String(version), what: text('contract.EXPIRED') })}</>,
        who: text('contract.byItself'),
      })),
  ]
  const newest = happened.map((one, at) => ({ key: at, ...one })).reverse()
  return (
    <Part title={text('contract.life')}>
      <Timeline events={newest.toSorted((a, b) => b.at.localeCompare(a.at))} />
    </Part>
  )
}

function actName(act: string): string {
  return textIfAny(`contract.act.${act}`) ?? act
}

function noticeName(notice: string): string {
  const [kind, days = '0'] = notice.split('-')
  if (kind === 'ends') return text('contract.notice.ends', { count: Number(days) })
  if (kind === 'overdue') return text('contract.notice.overdue', { count: Number(days) })
  return text('contract.notice.review')
}
