const PLATFORMS: Record<string, Platform> = {
  x64: {
    audit: 0xc000003e,
    clone: 56,
    foreignFrom: 0x40000000, // the x32 numbers
    denied: [
      ...[101, 103, 163, 165, 166, 155, 167, 168, 169, 175, 176, 179, 246, 248, 249, 250, 272, 298, 304, 308],
      ...[310, 311, 312, 313, 320, 321, 323, 438],
    ],
  },
  arm64: {
    audit: 0xc00000b7,
    clone: 220,
    denied: [
      ...[39, 40, 41, 60, 89, 97, 104, 105, 106, 116, 117, 142, 217, 218, 219, 224, 225, 241, 265, 268],
      ...[270, 271, 272, 273, 280, 282, 294, 438],
    ],
  },
};

interface Platform {
  readonly audit: number;
  readonly clone: number;
  readonly foreignFrom?: number;
  /**
   * ptrace, syslog, acct, mount, umount2, pivot_root, swapon, swapoff, reboot, init_module, delete_module,
   * quotactl, kexec_load, add_key, request_key, keyctl, unshare, perf_event_open, open_by_handle_at, setns,
   * process_vm_readv, process_vm_writev, kcmp, finit_module, kexec_file_load, bpf, userfaultfd, pidfd_getfd.
   */
  readonly denied: readonly number[];
}

/** io_uring_setup, _enter, _register, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr. */
const DENIED_EVERYWHERE = [425, 426, 427, 428, 429, 430, 431, 432, 433, 442];
const CLONE3 = 435;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const NEW_NAMESPACES = 0x7e020000;

const LOAD_WORD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const errno = (code: number) => 0x00050000 | code;
const EPERM = errno(1);
const ENOSYS = errno(38);
/** Offsets in `struct seccomp_data`; both platforms are little-endian. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const FIRST_ARGUMENT = 16;

/**
 * A seccomp filter as the bytes of a `struct sock_filter[]` (linux/filter.h), for `bwrap --seccomp`: refuses
 * tracing, keys, mounts, new namespaces, io_uring, bpf and their like with EPERM; `clone3`, whose flags can't
 * be examined, looks absent so that libraries fall back to `clone`; a foreign architecture kills the process.
 *
 * @returns undefined on a platform whose numbers are not listed here
 */
export function seccompFilter(): Buffer | undefined {
  const platform = PLATFORMS[process.arch];
  return platform && Buffer.concat(program(platform));
}

const program = ({ audit, clone, foreignFrom, denied }: Platform): Buffer[] => [
  instruction(LOAD_WORD, ARCHITECTURE),
  instruction(JUMP_EQUAL, audit, 1, 0),
  instruction(RETURN, KILL_PROCESS),
  instruction(LOAD_WORD, NUMBER),
  ...(foreignFrom === undefined ? [] : refuseIf(JUMP_AT_LEAST, foreignFrom, ENOSYS)),
  ...[...denied, ...DENIED_EVERYWHERE].flatMap((number) => refuseIf(JUMP_EQUAL, number, EPERM)),
  ...refuseIf(JUMP_EQUAL, CLONE3, ENOSYS),
  instruction(JUMP_EQUAL, clone, 0, 3),
  instruction(LOAD_WORD, FIRST_ARGUMENT),
  ...refuseIf(JUMP_ANY_BIT, NEW_NAMESPACES, EPERM),
  instruction(RETURN, ALLOW),
];

const refuseIf = (jump: number, operand: number, answer: number): Buffer[] => [
  instruction(jump, operand, 0, 1),
  instruction(RETURN, answer),
];

/** One `struct sock_filter`: code, jump if true, jump if false, operand. */
function instruction(code: number, operand: number, ifTrue = 0, ifFalse = 0): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(ifTrue, 2);
  bytes.writeUInt8(ifFalse, 3);
  bytes.writeUInt32LE(operand >>> 0, 4);
  return bytes;
}
