/**
 * What one subsystem tells people of services' uses in words of its own, and of which services it tells in
 * general terms alone.
 */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { ApiFault } from '../../kit/api.ts'
import { Head, Part } from '../../kit/facts.tsx'
import type { Field, Find, Values } from '../../kit/field.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { locale, text } from '../../kit/text.ts'
import { useSubsystems, useWholeServices } from '../pick.ts'
import { NamedId } from '../words.tsx'

type Told = { serviceId: string; isGeneral: boolean; words: Record<string, string> }

/** Languages of portals and of these consoles; words in others stay as they are. */
const LANGUAGES = ['en', 'es', 'et', 'fi', 'ko', 'uk']
const MAX_WORDS = 500

export function ToldServices({ params }: { params: Record<string, string> }) {
  const client = params['id'] ?? ''
  const found = useAnswer<Told[]>('getTrackerServices', { query: { clientId: client } })
  return (
    <Show of={found} page="told.title">
      {(all) => (
        <>
          <Head
            title={text('told.title')}
            lead={<NamedId of={client} />}
            acts={
              <>
                <Say client={client} />
                <Link to="/trackers">{text('told.back')}</Link>
              </>
            }
          />
          <Part title={text('trackers.services')}>
            <p>{text('told.lead')}</p>
            <HeldTable<Told>
              caption={text('told.title')}
              rows={all}
              rowKey={({ serviceId }) => serviceId}
              search="told.search"
              words={({ serviceId, words }) => [serviceId, ...Object.values(words)].join(' ')}
              columns={[
                { title: 'search.service', cell: ({ serviceId }) => <NamedId of={serviceId} /> },
                {
                  title: 'told.how',
                  cell: ({ isGeneral }) => (
                    <Status
                      tone={isGeneral ? 'warn' : 'good'}
                      word={isGeneral ? 'told.general' : 'told.whole'}
                    />
                  ),
                },
                { title: 'told.words', cell: ({ words }) => <Words of={words} /> },
                {
                  title: 'common.acts',
                  acts: ['setTrackerService'],
                  cell: (one) => (
                    <div class="acts">
                      <Say client={client} now={one} />
                    </div>
                  ),
                },
              ]}
              empty={<p>{text('told.none')}</p>}
            />
          </Part>
        </>
      )}
    </Show>
  )
}

function Words({ of }: { of: Told['words'] }) {
  const all = Object.entries(of)
  if (all.length === 0) return <>{text('told.ofContract')}</>
  return (
    <ul class="plain-list">
      {all.map(([language, words]) => (
        <li key={language}>
          {nameOf(language)}: <bdi lang={language}>{words}</bdi>
        </li>
      ))}
    </ul>
  )
}

/** Of a service that is to be picked, or of one of which something is said already. */
function Say({ client, now }: { client: string; now?: Told }) {
  const services = useServicesOrProviders(client)
  const languages = [...new Set([...LANGUAGES, ...Object.keys(now?.words ?? {})])]
  const which: Field[] =
    now === undefined
      ? [
          {
            ...{ name: 'serviceId', title: 'search.service', hint: 'places.serviceHint', type: 'pick' },
            ...{ find: services, maxLength: 1100, check: wrongService },
          },
        ]
      : []
  const title = now === undefined ? text('told.say') : text('told.changeThis', { service: now.serviceId })
  return (
    <Act<Told>
      operation="setTrackerService"
      button={text(now === undefined ? 'told.say' : 'told.change')}
      label={title}
      title={title}
      consequence={<p>{text('told.consequence')}</p>}
      fields={[
        ...which,
        {
          ...{ name: 'isGeneral', title: 'told.how', hint: 'told.howHint', type: 'select' },
          initial: now?.isGeneral === true ? 'yes' : 'no',
          options: [
            { value: 'no', title: text('told.whole') },
            { value: 'yes', title: text('told.general') },
          ],
        },
        ...languages.map(
          (language): Field => ({
            ...{ name: `words-${language}`, title: 'told.wordsIn', titled: { language: nameOf(language) } },
            ...{ required: false, maxLength: MAX_WORDS, initial: now?.words[language] ?? '' },
          }),
        ),
      ]}
      send={(values, call) => {
        const isGeneral = values['isGeneral'] === 'yes'
        const words = wordsIn(values, languages)
        // Said at once: a second person would agree to what the server then refuses.
        if (isGeneral && Object.keys(words).length === 0)
          throw new ApiFault(400, { message: text('told.needsWords') })
        const serviceId = now?.serviceId ?? String(values['serviceId']).trim()
        return call('setTrackerService', { body: { clientId: client, serviceId, isGeneral, words } })
      }}
      result={() => <p>{text('told.said')}</p>}
    />
  )
}

/**
 * Services of the subsystem and of its contracts; of what it called without one, the provider, after which
 * the code is typed.
 */
function useServicesOrProviders(client: string): Find {
  const [services, subsystems] = [useWholeServices(client), useSubsystems()]
  return async (typed, values) => {
    const known = await services(typed, values)
    if (known.length > 0) return known
    const providers = await subsystems(typed, values)
    return providers.map(({ value, title }) => ({ value: `${value}:`, title }))
  }
}

/** Why this names no service: said before a second person is asked. */
function wrongService(typed: string): string | undefined {
  const codes = typed.trim().split(':')
  const isService = (codes.length === 5 || codes.length === 6) && codes.every((code) => code !== '')
  return isService ? undefined : text('told.wrongService')
}

function wordsIn(values: Values, languages: string[]): Told['words'] {
  const said = languages.map((language) => [language, String(values[`words-${language}`] ?? '').trim()])
  return Object.fromEntries(said.filter(([, words]) => words !== ''))
}

/** The name of a language in that of the reader. */
function nameOf(language: string): string {
  return new Intl.DisplayNames([locale], { type: 'language' }).of(language) ?? language
}
