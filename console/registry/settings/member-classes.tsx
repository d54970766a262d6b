/** The classes that members belong to. */
import { Act } from '../../kit/act.tsx'
import { Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Rows } from '../../kit/rows.tsx'
import { Empty, Show } from '../../kit/states.tsx'
import { text } from '../../kit/text.ts'
import type { MemberClass } from '../members/page.tsx'

export function MemberClasses() {
  const classes = useAnswer<MemberClass[]>('getMemberClasses')
  return (
    <Part
      title={text('classes.title')}
      acts={
        <Act
          operation="addMemberClass"
          button={text('classes.add')}
          title={text('classes.add')}
          consequence={<p>{text('classes.addConsequence')}</p>}
          fields={[
            { name: 'code', title: 'classes.code', hint: 'common.codeHint', maxLength: 255 },
            { name: 'description', title: 'classes.description', maxLength: 255 },
          ]}
          send={(body, call) => call('addMemberClass', { body })}
          result={() => <p>{text('classes.added')}</p>}
        />
      }
    >
      <Show of={classes}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty>
              <p>{text('classes.empty')}</p>
            </Empty>
          ) : (
            <Rows<MemberClass>
              caption={text('classes.title')}
              rows={rows}
              rowKey={({ code }) => code}
              columns={[
                { title: 'classes.code', cell: ({ code }) => <bdi class="id">{code}</bdi> },
                { title: 'classes.description', cell: ({ description }) => <bdi>{description}</bdi> },
                {
                  title: 'common.acts',
                  acts: ['deleteMemberClass'],
                  cell: ({ code }) => (
                    <div class="acts">
                      <Act
                        operation="deleteMemberClass"
                        button={text('classes.delete')}
                        label={text('classes.deleteThis', { code })}
                        title={text('classes.deleteTitle', { code })}
                        consequence={<p>{text('classes.deleteConsequence')}</p>}
                        nameToType={code}
                        send={(_, call) => call('deleteMemberClass', { params: { code } })}
                        result={() => <p>{text('classes.deleted')}</p>}
                      />
                    </div>
                  ),
                },
              ]}
            />
          )
        }
      </Show>
    </Part>
  )
}
