# The sources of the file system's core without the trap layer and the providers, for hosted builds with sanitizers. Sourced, never run.
# shellcheck disable=SC2034
core="text log zero_out image image_dir image_xattr image_check merge pool pool_lock pool_pin pool_text tx page page_map inode dentry node_attr node_lookup node_entry
	node_create node_rename node_readdir node_data node_read node_write node_size node_map node_xattr permission placeholder ofd ofd_table ofd_sweep ofd_path path vfs_start op_fifo fifo_nameless reserved fd_queue reserved_lend node_atime ofd_moved notify notify_event notify_bell"
