/** The part of a plan about member classes, members, subsystems and global groups; pure. */
import type { SharedParameters } from '#schemas/global-configuration.ts'
import { checkNewCode, idText } from '#schemas/identifiers.ts'
import type { RegisterRows } from '../../configuration/assemble.ts'
import { isKeptByRegistry } from '../../groups/rules.ts'
import { checkName } from '../../members/rules.ts'
import type { Notes } from './notes.ts'

/** Rows in the form of the register's tables. */
export type AddedNames = {
  classes: { code: string; description: string }[]
  members: { id: string; member_class: string; name: string }[]
  subsystems: { id: string; member: string; name: string }[]
  groups: { code: string; description: string }[]
  groupMembers: { group_code: string; client: string }[]
}

export function planMembers(
  shared: SharedParameters,
  register: RegisterRows,
  notes: Notes,
): { take: AddedNames; known: ReadonlySet<string> } {
  const take: AddedNames = { classes: [], members: [], subsystems: [], groups: [], groupMembers: [] }
  const classes = new Map(register.classes.map(({ code, description }) => [code, description]))
  for (const { code, description } of shared.memberClasses) {
    const here = classes.get(code)
    if (here !== undefined) notes.differ(`description of the member class ${code}`, here, description)
    else if (notes.allows(`member class ${code}`, () => [checkNewCode(code), checkName(description)])) {
      take.classes.push({ code, description })
      classes.set(code, description)
    }
  }
  const members = new Map(register.members.map(({ id, name }) => [id, name]))
  const subsystems = new Map(register.subsystems.map(({ id, name }) => [id, name]))
  const published = new Set<string>()
  for (const member of shared.members) {
    const id = idText(member.id)
    published.add(id)
    const here = members.get(id)
    if (here !== undefined) notes.differ(`name of the member ${id}`, here, member.name)
    else if (!classes.has(member.id.memberClass)) notes.leave(`member ${id}`, 'its member class is not taken')
    else if (
      notes.allows(`member ${id}`, () => [checkNewCode(member.id.memberCode), checkName(member.name)])
    ) {
      take.members.push({ id, member_class: member.id.memberClass, name: member.name })
      members.set(id, member.name)
    }
    for (const subsystem of member.subsystems) {
      const [own, name] = [idText(subsystem.id), subsystem.name ?? '']
      published.add(own)
      const there = subsystems.get(own)
      if (there !== undefined) notes.differ(`name of the subsystem ${own}`, there, name)
      else if (!members.has(id)) notes.leave(`subsystem ${own}`, 'its member is not taken')
      else if (
        notes.allows(`subsystem ${own}`, () => [
          checkNewCode(subsystem.id.subsystemCode),
          name === '' || checkName(name),
        ])
      ) {
        take.subsystems.push({ id: own, member: id, name })
        subsystems.set(own, name)
      }
    }
  }
  for (const { id } of [...register.members, ...register.subsystems])
    if (!published.has(id)) notes.onlyHere(`${id.split('/').length === 4 ? 'subsystem' : 'member'} ${id}`)
  const known = new Set([...members.keys(), ...subsystems.keys()])
  planGroups(shared, register, known, take, notes)
  return { take, known }
}

function planGroups(
  shared: SharedParameters,
  register: RegisterRows,
  known: ReadonlySet<string>,
  take: AddedNames,
  notes: Notes,
): void {
  const groups = new Map(register.groups.map(({ code, description }) => [code, description]))
  const memberships = new Set(
    register.groupMembers.map((one) => JSON.stringify([one.group_code, one.client])),
  )
  const published = new Set<string>()
  for (const { groupCode: code, description, members } of shared.globalGroups) {
    // Its members follow the servers that are taken.
    if (isKeptByRegistry(code)) continue
    const here = groups.get(code)
    if (here !== undefined) notes.differ(`description of the global group ${code}`, here, description)
    else if (notes.allows(`global group ${code}`, () => [checkNewCode(code), checkName(description)])) {
      take.groups.push({ code, description })
      groups.set(code, description)
    }
    for (const client of members.map(idText)) {
      const key = JSON.stringify([code, client])
      if (published.has(key)) continue
      published.add(key)
      if (memberships.has(key)) continue
      if (!groups.has(code)) notes.leave(`${client} in ${code}`, 'the global group is not taken')
      else if (!known.has(client)) notes.leave(`${client} in ${code}`, 'it is not a member or subsystem here')
      else take.groupMembers.push({ group_code: code, client })
    }
  }
  for (const { group_code, client } of register.groupMembers)
    if (!isKeptByRegistry(group_code) && !published.has(JSON.stringify([group_code, client])))
      notes.onlyHere(`${client} in ${group_code}`)
}
