/** What a provider has: services that the client may call, and those for which something is missing. */
import { useEffect, useState } from 'preact/hooks'
import { Part } from '../../kit/facts.tsx'
import { useAnnounce } from '../../kit/live.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Described } from './described.tsx'
import { lacks, Missing } from './missing.tsx'
import { type Access, type Offered, type Parties, serviceName } from './shapes.ts'

type Found = { services: Offered[]; access: Access }

/** A list of hundreds is searched, not paged: all of it came with one answer. */
const MOST_SHOWN = 50

export function Services({ parties }: { parties: Parties }) {
  const found = useAnswer<Found>('findTryOutServices', { body: parties })
  const announce = useAnnounce()
  const title = text('tryOuts.services', parties)
  const isThere = found.state === 'there'
  useEffect(() => {
    if (isThere) announce(title)
  }, [isThere])
  return (
    <Part title={title}>
      <Show of={found}>{(of) => <List parties={parties} of={of} />}</Show>
    </Part>
  )
}

function List({ parties, of: { services, access } }: { parties: Parties; of: Found }) {
  const [wanted, setWanted] = useState('')
  const [chosen, setChosen] = useState<Offered>()
  if (services.length === 0)
    return (
      <Empty>
        <p>{text('tryOuts.none')}</p>
      </Empty>
    )
  const fitting = services.filter((one) =>
    serviceName(one).toLowerCase().includes(wanted.trim().toLowerCase()),
  )
  const shown = fitting.slice(0, MOST_SHOWN)
  return (
    <>
      <div class="list">
        <search class="tools">
          <label class="grow">
            {text('tryOuts.search')}
            <input type="search" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
          </label>
        </search>
        {shown.length === 0 ? (
          <Empty>
            <p>{text('table.noneFits')}</p>
          </Empty>
        ) : (
          <Rows<Offered>
            caption={text('tryOuts.services', parties)}
            rows={shown}
            rowKey={keyOf}
            columns={[
              {
                title: 'tryOuts.service',
                cell: (one) => (
                  <>
                    <bdi class="id">{serviceName(one)}</bdi>{' '}
                    <span class="beside">{text(`tryOuts.type.${one.type}`)}</span>
                  </>
                ),
              },
              {
                title: 'tryOuts.may',
                cell: (one) => <May lacking={lacks(one, access)} />,
              },
              {
                title: 'common.acts',
                cell: (one) => <Choose of={one} isChosen={one === chosen} choose={setChosen} />,
              },
            ]}
          />
        )}
        <p class="beside" role="status">
          {text('tryOuts.shown', { shown: shown.length, count: services.length })}
        </p>
      </div>
      {chosen !== undefined && (
        <Chosen key={keyOf(chosen)} parties={parties} service={chosen} access={access} />
      )}
    </>
  )
}

function May({ lacking }: { lacking: ReturnType<typeof lacks> }) {
  if (lacking === undefined) return <Status tone="good" word="tryOuts.allowed" />
  return <Status tone="warn" word={lacking === 'right' ? 'tryOuts.notAllowed' : 'tryOuts.noContract'} />
}

type ChooseProps = { of: Offered; isChosen: boolean; choose(service: Offered): void }

function Choose({ of, isChosen, choose }: ChooseProps) {
  const words = text(of.allowed ? 'tryOuts.describe' : 'tryOuts.askFor')
  return (
    <button
      type="button"
      aria-pressed={isChosen}
      aria-label={`${words}: ${serviceName(of)}`}
      onClick={() => choose(of)}
    >
      {words}
    </button>
  )
}

function Chosen({ parties, service, access }: { parties: Parties; service: Offered; access: Access }) {
  return (
    <>
      {lacks(service, access) !== undefined && (
        <Missing parties={parties} service={service} access={access} />
      )}
      <Described parties={parties} service={service} />
    </>
  )
}

/** A REST and a SOAP service may have the same name. */
function keyOf(service: Offered): string {
  return `${service.type} ${serviceName(service)}`
}
