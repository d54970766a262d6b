/** The classes that members belong to. */
import { Act } from '../../kit/act.tsx'
import { Part } from '../../kit/facts.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import type { MemberClass } from '../members/page.tsx'

export function MemberClasses() {
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
      <Table<MemberClass>
        operation="getMemberClasses"
        caption={text('classes.title')}
        search="classes.search"
        rowKey={({ code }) => code}
        columns={[
          { title: 'classes.code', cell: ({ code }) => <bdi class="id">{code}</bdi> },
          { title: 'classes.description', cell: ({ description }) => <bdi>{description}</bdi> },
          {
            title: 'common.acts',
            acts: ['describeMemberClass', 'deleteMemberClass'],
            cell: ({ code, description }) => (
              <div class="acts">
                <Act
                  operation="describeMemberClass"
                  button={text('classes.describe')}
                  label={text('classes.describeThis', { code })}
                  title={text('classes.describeTitle', { code })}
                  consequence={<p>{text('classes.describeConsequence')}</p>}
                  fields={[
                    {
                      name: 'description',
                      title: 'classes.description',
                      maxLength: 255,
                      initial: description,
                    },
                  ]}
                  send={(body, call) => call('describeMemberClass', { params: { code }, body })}
                  result={() => <p>{text('classes.described')}</p>}
                />
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
        empty={<p>{text('classes.empty')}</p>}
      />
    </Part>
  )
}
