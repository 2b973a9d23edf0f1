/**
 * The two-byte opcode map behind 0F, without MMX and SSE, which stand in simd.ts (Intel SDM vol. 2,
 * table ). Notation: see notation.ts.
 */
export const TWO_BYTE = `
# groups 6 and 7
00 /0: sldt Rv/Mw | str Rv/Mw | lldt Ew | ltr Ew | verr Ew | verw Ew
01 /0m: sgdt Ms | sidt Ms | lgdt Ms | lidt Ms | - | - | - | invlpg M
01 /4: smsw Rv/Mw
01 /6: lmsw Ew
01 /0.0 np: enclv
01 /0.1: vmcall | vmlaunch | vmresume | vmxoff
01 /0.5 np: pconfig
01 /1.0: monitor | mwait
01 /1.2 np: clac | stac | - | - | - | encls
01 /2.0 np: xgetbv | xsetbv | - | - | vmfunc | xend | xtest | enclu
01 /3.0: vmrun | vmmcall | vmload | vmsave | stgi | clgi | skinit | invlpga
01 /5.0 np: serialize | - | - | - | - | - | rdpkru | wrpkru
01 /5.0 F3: setssbsy | - | saveprevssp
01 /5m F3: rstorssp Mq
01 /7.1: rdtscp | monitorx | mwaitx | clzero | rdpru | invlpgb | tlbsync

02: lar Gv,Ew | lsl Gv,Ew | - | syscall | clts | sysret
08: invd | wbinvd | - | ud2 ud                       # 0A: the Denali escape, see denali.ts
0D /0m: prefetch Mb | prefetchw Mb | prefetchwt1 Mb | prefetch Mb
0D /4m: prefetch Mb | prefetch Mb | prefetch Mb | prefetch Mb
0E: femms
# hints: those a processor does not know are NOPs
18..1F: nop Ev
18 /0m: prefetchnta Mb | prefetcht0 Mb | prefetcht1 Mb | prefetcht2 Mb
1E /7.2 F3: endbr64 | endbr32
20: mov Rd,Cd mod3 ud                                # CR1, CR5 to CR7 do not exist
22: mov Cd,Rd mod3 ud
20 /0: mov Rd,Cd mod3
20 /2: mov Rd,Cd mod3 | mov Rd,Cd mod3 | mov Rd,Cd mod3
22 /0: mov Cd,Rd mod3
22 /2: mov Cd,Rd mod3 | mov Cd,Rd mod3 | mov Cd,Rd mod3
21: mov Rd,Dd mod3
23: mov Dd,Rd mod3
30: wrmsr | rdtsc | rdmsr | rdpmc | sysenter | sysexit | - | getsec
40: cmovo Gv,Ev | cmovno Gv,Ev | cmovb Gv,Ev | cmovae Gv,Ev
44: cmove Gv,Ev | cmovne Gv,Ev | cmovbe Gv,Ev | cmova Gv,Ev
48: cmovs Gv,Ev | cmovns Gv,Ev | cmovp Gv,Ev | cmovnp Gv,Ev
4C: cmovl Gv,Ev | cmovge Gv,Ev | cmovle Gv,Ev | cmovg Gv,Ev
78 np: vmread Ed,Gd | vmwrite Gd,Ed
80: jo Jz | jno Jz | jb Jz | jae Jz | je Jz | jne Jz | jbe Jz | ja Jz
88: js Jz | jns Jz | jp Jz | jnp Jz | jl Jz | jge Jz | jle Jz | jg Jz
90: seto Eb | setno Eb | setb Eb | setae Eb | sete Eb | setne Eb | setbe Eb | seta Eb
98: sets Eb | setns Eb | setp Eb | setnp Eb | setl Eb | setge Eb | setle Eb | setg Eb
A0: push FS | pop FS | cpuid | bt Ev,Gv | shld Ev,Gv,Ib | shld Ev,Gv,CL
A8: push GS | pop GS | rsm | bts Ev,Gv lock | shrd Ev,Gv,Ib | shrd Ev,Gv,CL | - | imul Gv,Ev

# group 15
AE /0m np: fxsave Mfx | fxrstor Mfx | ldmxcsr Md | stmxcsr Md
AE /4m np: xsave M | xrstor M | xsaveopt M | clflush Mb
AE /5r np: lfence | mfence | sfence
AE /6m 66: clwb Mb | clflushopt Mb
AE /6r 66: tpause Rd
AE /6r F2: umwait Rd
AE /4 F3: ptwrite Ed
AE /5r F3: incsspd Rd | umonitor Rd
AE /6m F3: clrssbsy Mq

B0: cmpxchg Eb,Gb lock | cmpxchg Ev,Gv lock | lss Gv,Mp | btr Ev,Gv lock | lfs Gv,Mp | lgs Gv,Mp
B6: movzx Gv,Eb | movzx Gv,Ew
B8 F3: popcnt Gv,Ev
B9: ud1 Gv,Ev ud
BA /4: bt Ev,Ib | bts Ev,Ib lock | btr Ev,Ib lock | btc Ev,Ib lock
BB: btc Ev,Gv lock | bsf Gv,Ev | bsr Gv,Ev | movsx Gv,Eb | movsx Gv,Ew
BC F3: tzcnt Gv,Ev | lzcnt Gv,Ev
C0: xadd Eb,Gb lock | xadd Ev,Gv lock
C3 np: movnti Md,Gd

# group 9
C7 /1m: cmpxchg8b Mq lock
C7 /3m np: xrstors M | xsavec M | xsaves M | vmptrld Mq | vmptrst Mq
C7 /6m 66: vmclear Mq
C7 /6m F3: vmxon Mq
C7 /6r np: rdrand Rv | rdseed Rv
C7 /6r 66: rdrand Rv | rdseed Rv
C7 /7r F3: rdpid Rd
C8..CF: bswap Zv
FF: ud0 Gv,Ev ud
`;
