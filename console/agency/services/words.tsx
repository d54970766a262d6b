/** Services and subjects of rights in words. */
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Id, NamedId } from '../words.tsx'
import type { Description, Right, Subject } from './shapes.ts'

export function DescriptionState({ of: { disabled, disabledNotice } }: { of: Description }) {
  return (
    <>
      <Status tone={disabled ? 'quiet' : 'good'} word={disabled ? 'services.off' : 'services.on'} />
      {disabled && disabledNotice !== '' && (
        <p class="beside">
          <bdi>{disabledNotice}</bdi>
        </p>
      )}
    </>
  )
}

export function SubjectOf({
  of: { subjectType, subjectId, name },
}: {
  of: Omit<Subject, 'name'> & { name?: string }
}) {
  return (
    <>
      {subjectType === 'SUBSYSTEM' ? (
        <NamedId of={subjectId} />
      ) : name === undefined || name === '' ? (
        <Id of={subjectId} />
      ) : (
        <span class="named">
          <bdi>{name}</bdi> <bdi class="id beside">{subjectId}</bdi>
        </span>
      )}
      {subjectType !== 'SUBSYSTEM' && <p class="beside">{text(`rights.subject.${subjectType}`)}</p>}
    </>
  )
}

export function WhatOf({ of: { wholeService, method, path } }: { of: Right }) {
  if (wholeService) return <>{text('rights.wholeService')}</>
  return <bdi class="id wrap">{`${method ?? ''} ${path ?? ''}`}</bdi>
}

/** Why nobody can use a right. */
export function Warning({ of }: { of: string | undefined }) {
  if (of === undefined) return null
  return (
    <p>
      <Status tone="warn" word="rights.noEffect" /> <span class="beside">{of}</span>
    </p>
  )
}
