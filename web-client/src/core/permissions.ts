// SPDX-License-Identifier: Apache-2.0
// What a role may do, for the moment between a change of role and the next welcome; the server decides.
import type { Permission, Role } from '../protocol/types.ts';

const talk: readonly Permission[] = ['publish', 'chat', 'hand'];

const table: Record<Role, readonly Permission[]> = {
  chair: [...talk, 'present', 'upload', 'moderate'],
  secretary: [...talk, 'present', 'upload', 'moderate'],
  presenter: [...talk, 'present', 'upload'],
  delegate: talk,
  observer: [],
};

export const rolePermissions = (role: Role): ReadonlySet<Permission> => new Set(table[role]);
