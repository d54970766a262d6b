/** A new document of a description: compared first, and applied only as it was shown. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { Act } from '../../kit/act.tsx'
import type { Answer } from '../../kit/api.ts'
import { ApiFault } from '../../kit/api.ts'
import { useConsole, useMay } from '../../kit/context.ts'
import { Part } from '../../kit/facts.tsx'
import type { Field } from '../../kit/field.tsx'
import { Form } from '../../kit/form.tsx'
import { useAnnounce } from '../../kit/live.tsx'
import { Refused } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Changes } from './changes.tsx'
import type { Change, Description } from './shapes.ts'

/** A file, or another address; undefined when the document is fetched from its own. */
type Source = File | string | undefined

/** `isAnew`: what was shown before could not be applied. */
type Compared = { change: Change; source: Source; isAnew: boolean }

export function NewDocument({ of }: { of: Description }) {
  const { api, signedOut } = useConsole()
  const announce = useAnnounce()
  const [compared, setCompared] = useState<Compared>()
  const params = { id: String(of.id) }
  const [refused, setRefused] = useState<ApiFault>()
  const shown = useRef<HTMLElement>(null)
  const compare = async (source: Source, isAnew = false): Promise<void> => {
    setCompared(undefined)
    setRefused(undefined)
    const { data } =
      source === undefined
        ? await api.call<Change>('refreshServiceDescription', { params })
        : typeof source === 'string'
          ? await api.call<Change>('compareServiceDescriptionAddress', { params, body: { url: source } })
          : await api.call<Change>('compareServiceDescriptionDocument', { params, body: source })
    setCompared({ change: data, source, isAnew })
    announce(text(isAnew ? 'services.comparedAnew' : data.same ? 'services.same' : 'services.differs'))
  }
  const compareAnew = (source: Source): void =>
    void compare(source, true).catch((cause: unknown) => {
      if (!(cause instanceof ApiFault)) throw cause
      if (cause.status === 401) signedOut()
      else setRefused(cause)
    })
  // The button from which the dialog came is gone with the old comparison.
  useEffect(() => {
    if (compared?.isAnew === true) shown.current?.focus()
  }, [compared])
  if (!useMay('refreshServiceDescription')) return null
  return (
    <Part title={text('services.newDocument')}>
      <p>{text('services.newDocumentLead')}</p>
      {of.url !== '' && (
        <>
          <h3>{text('services.fromAddress')}</h3>
          <p class="beside">
            <bdi class="id wrap">{of.url}</bdi>
          </p>
          <Form fields={[]} submit={text('services.fetch')} send={() => compare(undefined)} />
        </>
      )}
      <h3>{text('services.fromOtherAddress')}</h3>
      <p>{text('services.fromOtherAddressLead')}</p>
      <Form
        fields={[{ name: 'url', title: 'services.otherAddress', maxLength: 2048 }]}
        submit={text('services.fetchThere')}
        send={({ url }) => compare(String(url).trim())}
      />
      <h3>{text('services.fromOwnFile')}</h3>
      <Form
        fields={[{ name: 'file', title: 'services.file', hint: 'services.fileHint', type: 'file' }]}
        submit={text('services.compare')}
        send={({ file }) => compare(file as File)}
      />
      {refused !== undefined && <Refused fault={refused} />}
      {compared !== undefined && (
        <section class="inner" aria-label={text('services.differs')} ref={shown} tabIndex={-1}>
          {compared.isAnew && <p class="note">{text('services.comparedAnew')}</p>}
          <Changes of={compared.change} />
          {!compared.change.same && (
            <Apply
              of={of}
              compared={compared}
              applied={() => setCompared(undefined)}
              doubted={({ type }) => {
                if (type !== 'warnings_not_ignored') compareAnew(compared.source)
              }}
            />
          )}
        </section>
      )}
    </Part>
  )
}

type ApplyProps = { of: Description; compared: Compared; applied(): void; doubted(by: ApiFault): void }

function Apply({ of, compared: { change, source }, applied, doubted }: ApplyProps) {
  const { digest, warnings } = change
  const params = { id: String(of.id) }
  const agreed: Field = {
    ...{ name: 'ignore', title: 'services.warnings', type: 'checks' },
    options: [{ value: 'yes', title: text('services.ignore', { count: warnings.length }) }],
  }
  return (
    <Act<Description>
      operation={
        source === undefined
          ? 'acceptRefreshedDocument'
          : typeof source === 'string'
            ? 'changeServiceDescriptionAddress'
            : 'replaceServiceDescriptionDocument'
      }
      button={text('services.apply')}
      look="primary"
      title={text('services.apply')}
      consequence={
        <>
          <p>{text('services.applyConsequence')}</p>
          {change.rightsLost.length > 0 && (
            <p class="note">{text('services.rightsLostCount', { count: change.rightsLost.length })}</p>
          )}
        </>
      }
      fields={warnings.length === 0 ? [] : [agreed]}
      send={({ ignore }, call): Promise<Answer<Description>> => {
        const ignoreWarnings = ignore === 'yes'
        const accepted = { accept: digest, ignoreWarnings }
        if (source === undefined) return call('acceptRefreshedDocument', { params, body: accepted })
        if (typeof source === 'string')
          return call('changeServiceDescriptionAddress', { params, body: { url: source, ...accepted } })
        return call('replaceServiceDescriptionDocument', {
          ...{ params, body: source },
          query: { accept: digest, ignoreWarnings: String(ignoreWarnings) },
        })
      }}
      result={() => <p>{text('services.applied')}</p>}
      then={applied}
      doubted={doubted}
    />
  )
}
