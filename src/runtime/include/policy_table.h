/* The policy for every system call of x86-64: one row a number, in order. Included several times; the includer defines
 *
 *   NATIVE(number, name)          touches no file, or only what a descriptor from us already allows: the kernel answers, nothing traps
 *   TRAP(number, name, op)        takes a path, or a descriptor that may be a placeholder: OP answers (dispatch.c)
 *   LATER(number, name, op)       native until the process uses a name of an AF_UNIX socket, from then on as TRAP (filter_names.c)
 *   PROCESS(number, name)         makes processes, runs programs or changes signal masks: the trap layer answers
 *   DENY(number, name, errno)     not offered
 *   OWN(number, name, errno)      not offered, but the runtime itself makes it
 *
 * and this file undefines them at its end. Numbers without a row are unknown: ENOSYS.
 * Source: arch/x86/entry/syscalls/syscall_64.tbl of Linux 6.18; the x32 numbers (512 and up, bit 30) are refused by the filter. */
/* clang-format off */
TRAP(0, read, bfs_op_read) /* ours: from the node; else the kernel, which may block */
TRAP(1, write, bfs_op_write)
TRAP(2, open, bfs_op_open)
TRAP(3, close, bfs_op_close)
TRAP(4, stat, bfs_op_stat)
TRAP(5, fstat, bfs_op_fstat)
TRAP(6, lstat, bfs_op_lstat)
NATIVE(7, poll) /* a placeholder is a regular file to the kernel: always ready, as image and overlay files are */
TRAP(8, lseek, bfs_op_lseek)
TRAP(9, mmap, bfs_op_mmap) /* the filter may let MAP_ANONYMOUS pass untrapped */
NATIVE(10, mprotect)
NATIVE(11, munmap)
NATIVE(12, brk)
PROCESS(13, rt_sigaction)
PROCESS(14, rt_sigprocmask)
NATIVE(15, rt_sigreturn) /* restores a frame on the stack pointer: must run where the program calls it */
TRAP(16, ioctl, bfs_op_ioctl)
TRAP(17, pread64, bfs_op_pread64)
TRAP(18, pwrite64, bfs_op_pwrite64)
TRAP(19, readv, bfs_op_readv)
TRAP(20, writev, bfs_op_writev)
TRAP(21, access, bfs_op_access)
NATIVE(22, pipe)
NATIVE(23, select) /* as poll */
NATIVE(24, sched_yield)
TRAP(25, mremap, bfs_op_mremap) /* a mapping of a file may be several of the kernel's */
NATIVE(26, msync) /* works on mappings, which are real */
NATIVE(27, mincore)
NATIVE(28, madvise)
NATIVE(29, shmget) /* System V memory has no path */
NATIVE(30, shmat)
NATIVE(31, shmctl)
TRAP(32, dup, bfs_op_dup) /* guards reserved descriptors */
TRAP(33, dup2, bfs_op_dup2) /* guards reserved descriptors; may close a placeholder */
NATIVE(34, pause)
NATIVE(35, nanosleep)
NATIVE(36, getitimer)
NATIVE(37, alarm)
NATIVE(38, setitimer)
NATIVE(39, getpid)
TRAP(40, sendfile, bfs_op_sendfile) /* either side may be a placeholder */
NATIVE(41, socket)
TRAP(42, connect, bfs_op_connect) /* AF_UNIX paths */
LATER(43, accept, bfs_op_accept) /* the peer's AF_UNIX path */
TRAP(44, sendto, bfs_op_sendto) /* AF_UNIX paths; the filter may let a null address (argument 4) pass untrapped */
LATER(45, recvfrom, bfs_op_recvfrom) /* as accept */
TRAP(46, sendmsg, bfs_op_sendmsg) /* AF_UNIX paths in msg_name */
LATER(47, recvmsg, bfs_op_recvmsg) /* as accept; descriptors received may be placeholders and are whole */
NATIVE(48, shutdown)
TRAP(49, bind, bfs_op_bind) /* AF_UNIX paths */
NATIVE(50, listen)
TRAP(51, getsockname, bfs_op_getsockname) /* abstract names back to AF_UNIX paths */
TRAP(52, getpeername, bfs_op_getpeername) /* abstract names back to AF_UNIX paths */
NATIVE(53, socketpair)
NATIVE(54, setsockopt)
NATIVE(55, getsockopt)
NATIVE(56, clone) /* a child starts as a copy, or shares this memory: the runtime keeps nothing a process or thread would have to renew */
NATIVE(57, fork)
NATIVE(58, vfork) /* in the gate it would come back over its own return frame */
PROCESS(59, execve) /* loads through the carrier */
NATIVE(60, exit)
TRAP(61, wait4, bfs_op_wait4) /* may block: the kernel waits */
NATIVE(62, kill)
NATIVE(63, uname)
NATIVE(64, semget)
NATIVE(65, semop)
NATIVE(66, semctl)
NATIVE(67, shmdt)
NATIVE(68, msgget)
NATIVE(69, msgsnd)
NATIVE(70, msgrcv)
NATIVE(71, msgctl)
TRAP(72, fcntl, bfs_op_fcntl)
TRAP(73, flock, bfs_op_flock)
TRAP(74, fsync, bfs_op_fsync)
TRAP(75, fdatasync, bfs_op_fdatasync)
TRAP(76, truncate, bfs_op_truncate)
TRAP(77, ftruncate, bfs_op_ftruncate)
TRAP(78, getdents, bfs_op_getdents)
TRAP(79, getcwd, bfs_op_getcwd) /* the kernel's own directory is not the program's */
TRAP(80, chdir, bfs_op_chdir) /* the kernel's own directory is not the program's */
TRAP(81, fchdir, bfs_op_fchdir) /* the kernel's own directory is not the program's */
TRAP(82, rename, bfs_op_rename)
TRAP(83, mkdir, bfs_op_mkdir)
TRAP(84, rmdir, bfs_op_rmdir)
TRAP(85, creat, bfs_op_creat)
TRAP(86, link, bfs_op_link)
TRAP(87, unlink, bfs_op_unlink)
TRAP(88, symlink, bfs_op_symlink)
TRAP(89, readlink, bfs_op_readlink)
TRAP(90, chmod, bfs_op_chmod)
TRAP(91, fchmod, bfs_op_fchmod)
TRAP(92, chown, bfs_op_chown)
TRAP(93, fchown, bfs_op_fchown)
TRAP(94, lchown, bfs_op_lchown)
TRAP(95, umask, bfs_op_umask) /* remembered, because new overlay nodes need it */
NATIVE(96, gettimeofday)
TRAP(97, getrlimit, bfs_op_getrlimit) /* what the runtime takes of address space and data is taken off; the filter lets all others pass */
NATIVE(98, getrusage)
NATIVE(99, sysinfo)
NATIVE(100, times)
TRAP(101, ptrace, bfs_op_ptrace) /* debuggers run inside, on the tree's own processes; the filter lets pass what makes nobody a tracee */
NATIVE(102, getuid)
NATIVE(103, syslog)
NATIVE(104, getgid)
NATIVE(105, setuid)
NATIVE(106, setgid)
NATIVE(107, geteuid)
NATIVE(108, getegid)
NATIVE(109, setpgid)
NATIVE(110, getppid)
NATIVE(111, getpgrp)
NATIVE(112, setsid)
NATIVE(113, setreuid)
NATIVE(114, setregid)
NATIVE(115, getgroups)
NATIVE(116, setgroups)
NATIVE(117, setresuid)
NATIVE(118, getresuid)
NATIVE(119, setresgid)
NATIVE(120, getresgid)
NATIVE(121, getpgid)
NATIVE(122, setfsuid)
NATIVE(123, setfsgid)
NATIVE(124, getsid)
NATIVE(125, capget)
NATIVE(126, capset)
NATIVE(127, rt_sigpending)
NATIVE(128, rt_sigtimedwait)
NATIVE(129, rt_sigqueueinfo)
PROCESS(130, rt_sigsuspend) /* signal mask */
NATIVE(131, sigaltstack)
TRAP(132, utime, bfs_op_utime)
TRAP(133, mknod, bfs_op_mknod)
DENY(134, uselib, ENOSYS) /* opens a path in the kernel */
NATIVE(135, personality)
DENY(136, ustat, ENOSYS) /* a device number of the host */
TRAP(137, statfs, bfs_op_statfs)
TRAP(138, fstatfs, bfs_op_fstatfs)
DENY(139, sysfs, ENOSYS) /* types of the kernel, needed by nothing */
NATIVE(140, getpriority)
NATIVE(141, setpriority)
NATIVE(142, sched_setparam)
NATIVE(143, sched_getparam)
NATIVE(144, sched_setscheduler)
NATIVE(145, sched_getscheduler)
NATIVE(146, sched_get_priority_max)
NATIVE(147, sched_get_priority_min)
NATIVE(148, sched_rr_get_interval)
NATIVE(149, mlock)
NATIVE(150, munlock)
NATIVE(151, mlockall)
NATIVE(152, munlockall)
NATIVE(153, vhangup)
NATIVE(154, modify_ldt)
DENY(155, pivot_root, EPERM) /* mount tree of the host */
DENY(156, _sysctl, ENOSYS) /* gone from the kernel */
PROCESS(157, prctl) /* the filter lets all pass but what adds a filter or is refused (filter_added.c) */
NATIVE(158, arch_prctl)
NATIVE(159, adjtimex)
TRAP(160, setrlimit, bfs_op_setrlimit) /* RLIMIT_FSIZE is remembered: it bounds overlay files too; a core file would lie on the host; the runtime needs room of its own */
DENY(161, chroot, EPERM) /* the kernel's root is not the program's */
NATIVE(162, sync) /* flushes, opens nothing */
DENY(163, acct, EPERM) /* opens a path in the kernel */
NATIVE(164, settimeofday)
DENY(165, mount, EPERM) /* mount tree of the host */
DENY(166, umount2, EPERM) /* mount tree of the host */
DENY(167, swapon, EPERM) /* opens a path in the kernel */
DENY(168, swapoff, EPERM) /* opens a path in the kernel */
NATIVE(169, reboot)
NATIVE(170, sethostname)
NATIVE(171, setdomainname)
NATIVE(172, iopl)
NATIVE(173, ioperm)
DENY(174, create_module, ENOSYS)
DENY(175, init_module, EPERM) /* code for the host's kernel */
DENY(176, delete_module, EPERM)
DENY(177, get_kernel_syms, ENOSYS)
DENY(178, query_module, ENOSYS)
DENY(179, quotactl, ENOSYS) /* opens a path in the kernel */
DENY(180, nfsservctl, ENOSYS)
DENY(181, getpmsg, ENOSYS)
DENY(182, putpmsg, ENOSYS)
DENY(183, afs_syscall, ENOSYS)
DENY(184, tuxcall, ENOSYS)
DENY(185, security, ENOSYS)
NATIVE(186, gettid)
TRAP(187, readahead, bfs_op_readahead)
TRAP(188, setxattr, bfs_op_setxattr)
TRAP(189, lsetxattr, bfs_op_lsetxattr)
TRAP(190, fsetxattr, bfs_op_fsetxattr)
TRAP(191, getxattr, bfs_op_getxattr)
TRAP(192, lgetxattr, bfs_op_lgetxattr)
TRAP(193, fgetxattr, bfs_op_fgetxattr)
TRAP(194, listxattr, bfs_op_listxattr)
TRAP(195, llistxattr, bfs_op_llistxattr)
TRAP(196, flistxattr, bfs_op_flistxattr)
TRAP(197, removexattr, bfs_op_removexattr)
TRAP(198, lremovexattr, bfs_op_lremovexattr)
TRAP(199, fremovexattr, bfs_op_fremovexattr)
NATIVE(200, tkill)
NATIVE(201, time)
NATIVE(202, futex)
NATIVE(203, sched_setaffinity)
NATIVE(204, sched_getaffinity)
DENY(205, set_thread_area, ENOSYS)
DENY(206, io_setup, ENOSYS) /* asynchronous I/O would reach placeholders behind our back; callers fall back to threads */
DENY(207, io_destroy, ENOSYS)
DENY(208, io_getevents, ENOSYS)
DENY(209, io_submit, ENOSYS) /* see io_setup */
DENY(210, io_cancel, ENOSYS)
DENY(211, get_thread_area, ENOSYS)
DENY(212, lookup_dcookie, ENOSYS) /* paths of the host */
NATIVE(213, epoll_create)
DENY(214, epoll_ctl_old, ENOSYS)
DENY(215, epoll_wait_old, ENOSYS)
TRAP(216, remap_file_pages, bfs_op_remap_file_pages) /* the next page of a file is not the next of the pool */
TRAP(217, getdents64, bfs_op_getdents64)
NATIVE(218, set_tid_address)
NATIVE(219, restart_syscall)
NATIVE(220, semtimedop)
TRAP(221, fadvise64, bfs_op_fadvise64)
NATIVE(222, timer_create)
NATIVE(223, timer_settime)
NATIVE(224, timer_gettime)
NATIVE(225, timer_getoverrun)
NATIVE(226, timer_delete)
NATIVE(227, clock_settime)
NATIVE(228, clock_gettime)
NATIVE(229, clock_getres)
NATIVE(230, clock_nanosleep)
TRAP(231, exit_group, bfs_op_exit_group)
NATIVE(232, epoll_wait)
NATIVE(233, epoll_ctl) /* a placeholder is refused with EPERM, as any regular file or directory is */
NATIVE(234, tgkill)
TRAP(235, utimes, bfs_op_utimes)
DENY(236, vserver, ENOSYS)
NATIVE(237, mbind)
NATIVE(238, set_mempolicy)
NATIVE(239, get_mempolicy)
NATIVE(240, mq_open) /* names of queues, not of files */
NATIVE(241, mq_unlink)
NATIVE(242, mq_timedsend)
NATIVE(243, mq_timedreceive)
NATIVE(244, mq_notify)
NATIVE(245, mq_getsetattr)
DENY(246, kexec_load, EPERM) /* code for the host's kernel */
TRAP(247, waitid, bfs_op_waitid)
NATIVE(248, add_key) /* keyrings have no path */
NATIVE(249, request_key)
NATIVE(250, keyctl)
NATIVE(251, ioprio_set)
NATIVE(252, ioprio_get)
TRAP(253, inotify_init, bfs_op_inotify_init)
TRAP(254, inotify_add_watch, bfs_op_inotify_add_watch) /* path */
TRAP(255, inotify_rm_watch, bfs_op_inotify_rm_watch)
NATIVE(256, migrate_pages)
TRAP(257, openat, bfs_op_openat)
TRAP(258, mkdirat, bfs_op_mkdirat)
TRAP(259, mknodat, bfs_op_mknodat)
TRAP(260, fchownat, bfs_op_fchownat)
TRAP(261, futimesat, bfs_op_futimesat)
TRAP(262, newfstatat, bfs_op_newfstatat)
TRAP(263, unlinkat, bfs_op_unlinkat)
TRAP(264, renameat, bfs_op_renameat)
TRAP(265, linkat, bfs_op_linkat)
TRAP(266, symlinkat, bfs_op_symlinkat)
TRAP(267, readlinkat, bfs_op_readlinkat)
TRAP(268, fchmodat, bfs_op_fchmodat)
TRAP(269, faccessat, bfs_op_faccessat)
PROCESS(270, pselect6) /* signal mask */
PROCESS(271, ppoll) /* signal mask */
NATIVE(272, unshare) /* a fresh namespace holds nothing that is not held already */
NATIVE(273, set_robust_list)
NATIVE(274, get_robust_list)
TRAP(275, splice, bfs_op_splice) /* one side may be a placeholder */
NATIVE(276, tee) /* both sides must be pipes: a placeholder is refused with EINVAL */
TRAP(277, sync_file_range, bfs_op_sync_file_range)
NATIVE(278, vmsplice) /* one side is memory, the other must be a pipe: a placeholder is refused with EBADF */
NATIVE(279, move_pages)
TRAP(280, utimensat, bfs_op_utimensat)
PROCESS(281, epoll_pwait) /* signal mask */
NATIVE(282, signalfd)
NATIVE(283, timerfd_create)
NATIVE(284, eventfd)
TRAP(285, fallocate, bfs_op_fallocate)
NATIVE(286, timerfd_settime)
NATIVE(287, timerfd_gettime)
LATER(288, accept4, bfs_op_accept) /* as accept */
NATIVE(289, signalfd4)
NATIVE(290, eventfd2)
NATIVE(291, epoll_create1)
TRAP(292, dup3, bfs_op_dup3) /* as dup2 */
NATIVE(293, pipe2)
TRAP(294, inotify_init1, bfs_op_inotify_init1)
TRAP(295, preadv, bfs_op_preadv)
TRAP(296, pwritev, bfs_op_pwritev)
NATIVE(297, rt_tgsigqueueinfo)
DENY(298, perf_event_open, EPERM) /* reads what the kernel sees of the host */
LATER(299, recvmmsg, bfs_op_recvmmsg) /* as accept */
DENY(300, fanotify_init, ENOSYS)
DENY(301, fanotify_mark, ENOSYS) /* path */
TRAP(302, prlimit64, bfs_op_prlimit64) /* as getrlimit and setrlimit */
DENY(303, name_to_handle_at, EOPNOTSUPP) /* handles bypass paths */
DENY(304, open_by_handle_at, EOPNOTSUPP) /* handles bypass paths */
NATIVE(305, clock_adjtime)
TRAP(306, syncfs, bfs_op_syncfs)
TRAP(307, sendmmsg, bfs_op_sendmmsg) /* AF_UNIX paths in msg_name */
DENY(308, setns, EPERM) /* another mount namespace would replace what /proc means to the runtime */
NATIVE(309, getcpu)
TRAP(310, process_vm_readv, bfs_op_process_vm) /* of the tree's own processes: an outsider's memory is the host's */
TRAP(311, process_vm_writev, bfs_op_process_vm)
TRAP(312, kcmp, bfs_op_kcmp) /* compares what processes hold */
DENY(313, finit_module, EPERM) /* code for the host's kernel, from a descriptor */
NATIVE(314, sched_setattr)
NATIVE(315, sched_getattr)
TRAP(316, renameat2, bfs_op_renameat2)
PROCESS(317, seccomp) /* adds to our filter and cannot remove it */
NATIVE(318, getrandom)
NATIVE(319, memfd_create) /* a file without a path: the kernel's own */
DENY(320, kexec_file_load, EPERM) /* descriptors of files */
DENY(321, bpf, EPERM) /* BPF_OBJ_PIN and BPF_OBJ_GET take paths */
PROCESS(322, execveat) /* loads through the carrier */
NATIVE(323, userfaultfd) /* memory, not files */
NATIVE(324, membarrier)
NATIVE(325, mlock2)
TRAP(326, copy_file_range, bfs_op_copy_file_range)
TRAP(327, preadv2, bfs_op_preadv2)
TRAP(328, pwritev2, bfs_op_pwritev2)
NATIVE(329, pkey_mprotect)
NATIVE(330, pkey_alloc)
NATIVE(331, pkey_free)
TRAP(332, statx, bfs_op_statx)
DENY(333, io_pgetevents, ENOSYS) /* see io_setup */
NATIVE(334, rseq)
NATIVE(335, uretprobe) /* placed into text by the kernel itself */
NATIVE(336, uprobe) /* placed into text by the kernel itself */
TRAP(424, pidfd_send_signal, bfs_op_pidfd_send_signal) /* a directory of /proc will do */
DENY(425, io_uring_setup, ENOSYS) /* opens and reads in the kernel, past every filter */
DENY(426, io_uring_enter, ENOSYS) /* see io_uring_setup */
DENY(427, io_uring_register, ENOSYS) /* see io_uring_setup */
DENY(428, open_tree, EPERM) /* path */
DENY(429, move_mount, EPERM) /* path */
OWN(430, fsopen, EPERM) /* would mount */
OWN(431, fsconfig, EPERM) /* would mount; takes paths */
OWN(432, fsmount, EPERM) /* would mount */
DENY(433, fspick, EPERM) /* path */
NATIVE(434, pidfd_open) /* reaches processes, not files */
DENY(435, clone3, ENOSYS) /* filters cannot read its structure; glibc, musl and Go fall back to clone */
TRAP(436, close_range, bfs_op_close_range) /* skips reserved descriptors */
TRAP(437, openat2, bfs_op_openat2)
DENY(438, pidfd_getfd, EPERM) /* takes descriptors, directories too, from processes outside */
TRAP(439, faccessat2, bfs_op_faccessat2)
NATIVE(440, process_madvise)
PROCESS(441, epoll_pwait2) /* signal mask */
DENY(442, mount_setattr, EPERM) /* path */
DENY(443, quotactl_fd, ENOSYS) /* a placeholder is on no device */
DENY(444, landlock_create_ruleset, EOPNOTSUPP) /* its rules would name placeholders, and would keep the runtime from reopening its own; the answer of a kernel booted without Landlock */
DENY(445, landlock_add_rule, EOPNOTSUPP) /* see landlock_create_ruleset */
DENY(446, landlock_restrict_self, EOPNOTSUPP) /* see landlock_create_ruleset */
NATIVE(447, memfd_secret) /* as memfd_create */
NATIVE(448, process_mrelease)
NATIVE(449, futex_waitv)
NATIVE(450, set_mempolicy_home_node)
TRAP(451, cachestat, bfs_op_cachestat) /* page cache of a placeholder is empty */
TRAP(452, fchmodat2, bfs_op_fchmodat2)
NATIVE(453, map_shadow_stack)
NATIVE(454, futex_wake)
NATIVE(455, futex_wait)
NATIVE(456, futex_requeue)
DENY(457, statmount, ENOSYS) /* mounts of the host */
DENY(458, listmount, ENOSYS) /* mounts of the host */
NATIVE(459, lsm_get_self_attr)
NATIVE(460, lsm_set_self_attr)
NATIVE(461, lsm_list_modules)
NATIVE(462, mseal)
TRAP(463, setxattrat, bfs_op_setxattrat)
TRAP(464, getxattrat, bfs_op_getxattrat)
TRAP(465, listxattrat, bfs_op_listxattrat)
TRAP(466, removexattrat, bfs_op_removexattrat)
DENY(467, open_tree_attr, EPERM) /* path */
DENY(468, file_getattr, ENOSYS) /* callers fall back to FS_IOC_FSGETXATTR */
DENY(469, file_setattr, ENOSYS) /* see file_getattr */
DENY(470, listns, ENOSYS) /* namespaces of the host */
/* clang-format on */
#undef NATIVE
#undef TRAP
#undef LATER
#undef PROCESS
#undef DENY
#undef OWN
