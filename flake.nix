{
  description = "Pipulate for Rust: a Jupyter kernel whose notebooks are durable workflows";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      eachSystem = build: nixpkgs.lib.genAttrs systems (system: build nixpkgs.legacyPackages.${system});
      version = (nixpkgs.lib.importTOML ./Cargo.toml).workspace.package.version;

      # What compiles cells: needed where a notebook runs, not only where the kernel is built.
      cellTools = pkgs: [
        pkgs.cargo
        pkgs.rustc
        pkgs.stdenv.cc
      ];

      program =
        pkgs: name: packages:
        pkgs.rustPlatform.buildRustPackage {
          pname = name;
          inherit version;
          src = self;
          cargoLock.lockFile = ./Cargo.lock;
          cargoBuildFlags = builtins.concatMap (package: [
            "--package"
            package
          ]) packages;
          nativeBuildInputs = [ pkgs.makeWrapper ];
          # The tests compile cells, which takes crates from the network.
          doCheck = false;
          postFixup = ''
            for program in $out/bin/*; do
              wrapProgram "$program" \
                --suffix PATH : ${pkgs.lib.makeBinPath (cellTools pkgs)} \
                --set-default RUST_SRC_PATH ${pkgs.rustPlatform.rustLibSrc}
            done
          '';
          meta.mainProgram = name;
        };
    in
    {
      packages = eachSystem (
        pkgs:
        let
          kernel = program pkgs "pipulate-kernel" [ "pipulate-kernel" ];
          # With the kernel beside it: `pipulate run` starts the one in its own folder.
          cli = program pkgs "pipulate" [
            "pipulate-cli"
            "pipulate-kernel"
          ];
          kernelspec = pkgs.runCommand "pipulate-kernelspec" { } ''
            folder=$out/share/jupyter/kernels/pipulate
            mkdir -p $folder
            substitute ${./kernelspec/kernel.json} $folder/kernel.json \
              --replace-fail '{kernel}' ${kernel}/bin/pipulate-kernel
            cp ${./kernelspec}/logo-* $folder/
          '';
          lab = pkgs.writeShellApplication {
            name = "pipulate-lab";
            runtimeInputs = [ (pkgs.python3.withPackages (python: [ python.jupyterlab ])) ];
            text = ''
              export JUPYTER_PATH="${kernelspec}/share/jupyter''${JUPYTER_PATH:+:$JUPYTER_PATH}"
              exec jupyter lab "$@"
            '';
          };
        in
        {
          inherit
            kernel
            cli
            kernelspec
            lab
            ;
          default = cli;
        }
      );

      devShells = eachSystem (pkgs: {
        default = pkgs.mkShell {
          packages =
            cellTools pkgs
            ++ [
              pkgs.clippy
              pkgs.rustfmt
              pkgs.rust-analyzer
              pkgs.cargo-deny
              pkgs.cargo-machete
              pkgs.python3
            ]
            ++ pkgs.lib.optionals pkgs.stdenv.isLinux [
              pkgs.chromium
              pkgs.chromedriver
            ];
          # The standard library's source, which types of variables are inferred from (rust-src).
          RUST_SRC_PATH = "${pkgs.rustPlatform.rustLibSrc}";
        };
      });

      checks = eachSystem (pkgs: {
        inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) kernel cli lab;
      });
    };
}
